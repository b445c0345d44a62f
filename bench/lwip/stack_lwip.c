/*
 * lwIP under the benchmarks' work: Debian's library, driven by its raw API from one thread. Its own thread is
 * not started, so that there is no lock of its core to take; see docs/benchmarks.md for how the library is
 * configured.
 */
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"

#include "stack.h"

#define CONNECTIONS_MAX 16
#define MTU 1500

/** The application's end of a connection. Free when there is no `pcb`. */
struct connection {
    struct tcp_pcb *pcb;
    /** What has come and was not read. */
    struct pbuf *received;
    bool is_accepted, has_ended;
};

static struct connection connections[CONNECTIONS_MAX];
static uint32_t connections_limit;
static struct netif netif;

static err_t open_netif(struct netif *opened);
static err_t send(struct netif *from, struct pbuf *frame);
static err_t on_accept(void *context, struct tcp_pcb *pcb, err_t problem);
static err_t on_receive(void *context, struct tcp_pcb *pcb, struct pbuf *received, err_t problem);
static void on_error(void *context, err_t problem);
static struct connection *connection_of(int32_t socket);

/** In the place of the library's own: time is virtual here. */
u32_t sys_now(void) {
    return work_now(NULL);
}

#ifdef BENCH_PORTED
/* What a port for one thread may have in the place of the library's mutex and checksum: the library calls
 * these by way of its symbol table, so that the program's own come first. */

sys_prot_t sys_arch_protect(void) {
    return 0;
}

void sys_arch_unprotect(sys_prot_t value) {
    (void)value;
}

void sys_check_core_locking(void) {}

/** The sum of 16-bit words as they lie in memory, RFC 1071, four bytes at a time. */
u16_t lwip_standard_chksum(const void *data, int bytes) {
    const u8_t *at = data;
    u64_t sum = 0;
    u32_t words[8];
    for (; bytes >= (int)sizeof words; bytes -= (int)sizeof words, at += sizeof words) {
        memcpy(words, at, sizeof words);
        sum += (u64_t)words[0] + words[1] + words[2] + words[3];
        sum += (u64_t)words[4] + words[5] + words[6] + words[7];
    }
    for (; bytes > 1; bytes -= 2, at += 2) {
        u16_t word;
        memcpy(&word, at, sizeof word);
        sum += word;
    }
    if (bytes > 0)
        sum += *at;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (u16_t)sum;
}
#endif

const char *stack_name(void) {
#ifdef BENCH_PORTED
    return "lwIP " LWIP_VERSION_STRING " ported";
#else
    return "lwIP " LWIP_VERSION_STRING;
#endif
}

/* The window and the send queue are fixed when the library is compiled. */
void stack_boot(uint32_t wanted, uint32_t ring_bytes) {
    (void)ring_bytes;
    connections_limit = wanted;
    lwip_init();
    ip4_addr_t address, netmask, gateway;
    IP4_ADDR(&address, 10, 0, 0, 2);
    IP4_ADDR(&netmask, 255, 255, 255, 0);
    IP4_ADDR(&gateway, 10, 0, 0, 1);
    if (!netif_add(&netif, &address, &netmask, &gateway, NULL, open_netif, ethernet_input))
        work_fail("netif_add");
    netif_set_default(&netif);
    netif_set_link_up(&netif);
    netif_set_up(&netif);
    struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);
    if (!pcb || tcp_bind(pcb, IP4_ADDR_ANY, WORK_PORT) != ERR_OK || !(pcb = tcp_listen(pcb)))
        work_fail("listen");
    tcp_accept(pcb, on_accept);
}

/* It has no end: a program runs one work. */
void stack_stop(void) {}

void stack_no_delay(int32_t socket) {
    tcp_nagle_disable(connection_of(socket)->pcb);
}

/**
 * As the loop of a driver: a frame for the stack, then its timers. Not from the pool: release 2.1.3+dfsg1-2
 * of the library has room for 592 bytes in an element, and takes it for 1536.
 */
void measured_poll(void) {
    uint32_t length = hook_length();
    if (length > 0) {
        struct pbuf *frame = pbuf_alloc(PBUF_RAW, (u16_t)length, PBUF_RAM);
        if (!frame || frame->next)
            work_fail("a pbuf for a frame");
        hook_receive(NULL, frame->payload, length);
        if (netif.input(frame, &netif) != ERR_OK)
            work_fail("input");
    }
    sys_check_timeouts();
}

int32_t measured_accept(void) {
    for (uint32_t index = 0; index < connections_limit; index++)
        if (connections[index].pcb && !connections[index].is_accepted) {
            connections[index].is_accepted = true;
            return (int32_t)index + 1;
        }
    return 0;
}

int32_t measured_read(int32_t socket, void *to, uint32_t bytes) {
    struct connection *connection = connection_of(socket);
    if (!connection->received)
        return connection->has_ended ? 0 : -1;
    u16_t taken = pbuf_copy_partial(connection->received, to, (u16_t)bytes, 0);
    connection->received = pbuf_free_header(connection->received, taken);
    tcp_recved(connection->pcb, taken);
    return taken;
}

int32_t measured_write(int32_t socket, const void *from, uint32_t bytes) {
    struct connection *connection = connection_of(socket);
    if (tcp_write(connection->pcb, from, (u16_t)bytes, TCP_WRITE_FLAG_COPY) != ERR_OK)
        return -1;
    return tcp_output(connection->pcb) == ERR_OK ? (int32_t)bytes : -1;
}

void measured_close(int32_t socket) {
    struct connection *connection = connection_of(socket);
    struct tcp_pcb *pcb = connection->pcb;
    *connection = (struct connection){.pcb = NULL};
    tcp_arg(pcb, NULL);
    tcp_recv(pcb, NULL);
    tcp_err(pcb, NULL);
    if (tcp_close(pcb) != ERR_OK)
        work_fail("close");
}

/* The stack has called the application while it was polled. */
void measured_events(void) {}

int32_t measured_deadline(void) {
    u32_t ms = sys_timeouts_sleeptime();
    return ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE ? -1 : (int32_t)ms;
}

static err_t open_netif(struct netif *opened) {
    static const u8_t mac[ETH_HWADDR_LEN] = {2, 0, 0, 0, 0, 2};
    MEMCPY(opened->hwaddr, mac, sizeof mac);
    opened->hwaddr_len = ETH_HWADDR_LEN;
    opened->name[0] = 'b';
    opened->name[1] = 'e';
    opened->mtu = MTU;
    opened->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET;
    opened->output = etharp_output;
    opened->linkoutput = send;
    return ERR_OK;
}

static err_t send(struct netif *from, struct pbuf *frame) {
    (void)from;
    if (frame->next)
        work_fail("a frame in parts");
    hook_send(NULL, frame->payload, frame->len);
    return ERR_OK;
}

static err_t on_accept(void *context, struct tcp_pcb *pcb, err_t problem) {
    (void)context;
    if (problem != ERR_OK)
        return ERR_VAL;
    uint32_t alive = 0;
    for (const struct tcp_pcb *other = tcp_active_pcbs; other; other = other->next)
        alive++;
    if (alive > connections_limit)
        work_fail("a connection that should be gone");
    for (uint32_t index = 0; index < connections_limit; index++)
        if (!connections[index].pcb) {
            connections[index].pcb = pcb;
            tcp_arg(pcb, &connections[index]);
            tcp_recv(pcb, on_receive);
            tcp_err(pcb, on_error);
            return ERR_OK;
        }
    return ERR_MEM;
}

static err_t on_receive(void *context, struct tcp_pcb *pcb, struct pbuf *received, err_t problem) {
    (void)pcb;
    (void)problem;
    struct connection *connection = context;
    if (!received)
        connection->has_ended = true;
    else if (connection->received)
        pbuf_cat(connection->received, received);
    else
        connection->received = received;
    return ERR_OK;
}

static void on_error(void *context, err_t problem) {
    (void)context;
    (void)problem;
    work_fail("a connection was lost");
}

static struct connection *connection_of(int32_t socket) {
    if (socket <= 0 || (uint32_t)socket > connections_limit || !connections[socket - 1].pcb)
        work_fail("no such socket");
    return &connections[socket - 1];
}
