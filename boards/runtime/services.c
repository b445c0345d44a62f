/*
 * Datagrams, names and DHCP for programs in C. As in ferrule.c, nothing is decided here: the core has the
 * sockets, and what it says of lengths and places is checked.
 */
#include <string.h>

#include "device.h"

static int32_t open_query(struct ferrule *device, const char *name);
static int32_t put_name(struct ferrule *device, int32_t handle, const char *name);
static int32_t put_endpoint(struct ferrule *device, const struct ferrule_endpoint *endpoint);
static int32_t send_octets(struct ferrule *device, int32_t handle, bool has_peer, const void *data,
                           uint32_t size);
static uint32_t group_place(const struct ferrule *device, const uint8_t group[4]);
static void tell_groups(struct ferrule *device);
static int32_t start_dhcp(struct ferrule *device);
static int32_t set_host_name(struct ferrule *device, int32_t handle);
static int32_t restart_dhcp(struct ferrule *device);

/** Gives a handle back to the core; `status` is what the caller returns. */
static int32_t give_up(struct ferrule *device, int32_t handle, int32_t status) {
    ferrule_device_call(device, FERRULE_EXPORT_abort, (uint32_t)handle, 0, 0, 0);
    return status;
}

static struct ferrule_endpoint ipv4_endpoint(const uint8_t address[4], uint16_t port) {
    struct ferrule_endpoint endpoint = {.family = FERRULE_FAMILY_IPV4, .port = port};
    memcpy(endpoint.address, address, 4);
    return endpoint;
}

/* Datagrams */

int32_t ferrule_udp_open(struct ferrule *device, uint16_t port) {
    static const uint8_t any[4] = {0};
    int32_t handle = ferrule_device_call(device, FERRULE_EXPORT_open, FERRULE_SOCKET_KIND_DATAGRAM, 0, 0, 0);
    if (handle < 0)
        return handle;
    const struct ferrule_endpoint local = ipv4_endpoint(any, port);
    int32_t status = put_endpoint(device, &local);
    if (status >= 0)
        status = ferrule_device_call(device, FERRULE_EXPORT_bind, (uint32_t)handle, device->exchange, 0, 0);
    if (status < 0)
        return give_up(device, handle, status);
    return ferrule_device_new_socket(device, handle, FERRULE_SOCKET_KIND_DATAGRAM);
}

int32_t ferrule_udp_connect(struct ferrule *device, int32_t socket, const uint8_t address[4], uint16_t port) {
    struct ferrule_socket_entry *entry;
    int32_t status = ferrule_device_socket(device, socket, FERRULE_SOCKET_KIND_DATAGRAM, &entry);
    if (status < 0)
        return status;
    struct ferrule_endpoint peer = {.family = FERRULE_FAMILY_NONE};
    if (address)
        peer = ipv4_endpoint(address, port);
    status = put_endpoint(device, &peer);
    if (status < 0)
        return status;
    return ferrule_device_call(device, FERRULE_EXPORT_connect, (uint32_t)entry->handle, device->exchange, 0,
                               0);
}

int32_t ferrule_send_to(struct ferrule *device, int32_t socket, const uint8_t address[4], uint16_t port,
                        const void *data, uint32_t size) {
    struct ferrule_socket_entry *entry;
    int32_t status = ferrule_device_socket(device, socket, FERRULE_SOCKET_KIND_DATAGRAM, &entry);
    if (status < 0)
        return status;
    if (address) {
        const struct ferrule_endpoint peer = ipv4_endpoint(address, port);
        status = put_endpoint(device, &peer);
    }
    return status < 0 ? status : send_octets(device, entry->handle, address == NULL, data, size);
}

/** To the Endpoint in the exchange area, or to the peer. */
static int32_t send_octets(struct ferrule *device, int32_t handle, bool has_peer, const void *data,
                           uint32_t size) {
    int32_t room = ferrule_device_call(device, FERRULE_EXPORT_sendReserve, (uint32_t)handle, 0, 0, 0);
    if (room < 0 && room != FERRULE_STATUS_WOULD_BLOCK)
        return room;
    const uint32_t to = has_peer ? 0 : device->exchange;
    if (room < 0 || size > (uint32_t)room) {
        /* Only the core knows whether it ever fits: a lease may have brought another MTU. It is asked with
         * what cannot be sent. */
        return ferrule_device_call(device, FERRULE_EXPORT_sendTo, (uint32_t)handle, to, 0, size);
    }
    uint8_t *run = ferrule_device_run(device, (uint32_t)room);
    if (!run)
        return FERRULE_ERROR_RESTARTING;
    memcpy(run, data, size);
    return ferrule_device_call(device, FERRULE_EXPORT_sendTo, (uint32_t)handle, to,
                               (uint32_t)(run - device->linear), size);
}

int32_t ferrule_receive_from(struct ferrule *device, int32_t socket, void *data, uint32_t size,
                             struct ferrule_endpoint *source) {
    struct ferrule_socket_entry *entry;
    int32_t status = ferrule_device_socket(device, socket, FERRULE_SOCKET_KIND_DATAGRAM, &entry);
    if (status < 0)
        return status;
    const uint32_t handle = (uint32_t)entry->handle;
    int32_t length = ferrule_device_call(device, FERRULE_EXPORT_receiveFrom, handle, device->exchange, 0, 0);
    if (length < 0)
        return length;
    const uint8_t *run = ferrule_device_run(device, (uint32_t)length);
    const uint8_t *from = ferrule_device_bytes(device, device->exchange, sizeof *source);
    if (!run || !from)
        return FERRULE_ERROR_RESTARTING;
    memcpy(data, run, (uint32_t)length < size ? (uint32_t)length : size);
    if (source)
        memcpy(source, from, sizeof *source);
    status = ferrule_device_call(device, FERRULE_EXPORT_receiveConsume, handle, (uint32_t)length, 0, 0);
    return status < 0 ? status : length;
}

int32_t ferrule_udp_group(struct ferrule *device, int32_t socket, const uint8_t group[4], bool joined) {
    struct ferrule_socket_entry *entry;
    int32_t status = ferrule_device_socket(device, socket, FERRULE_SOCKET_KIND_DATAGRAM, &entry);
    if (status < 0)
        return status;
    const uint32_t place = group_place(device, group);
    if (place == FERRULE_GROUPS)
        return FERRULE_STATUS_NO_SOCKET;
    const struct ferrule_endpoint endpoint = ipv4_endpoint(group, 0);
    status = put_endpoint(device, &endpoint);
    if (status < 0)
        return status;
    const enum ferrule_option option =
        joined ? FERRULE_OPTION_MULTICAST_JOIN : FERRULE_OPTION_MULTICAST_LEAVE;
    status = ferrule_device_call(device, FERRULE_EXPORT_setopt, (uint32_t)entry->handle, option,
                                 device->exchange, sizeof endpoint);
    if (status < 0)
        return status;
    memcpy(device->groups[place], group, 4);
    entry->groups = (uint8_t)((entry->groups & ~(1u << place)) | (joined ? 1u << place : 0u));
    device->regroup = tell_groups;
    tell_groups(device);
    return status;
}

/** Bits of the groups that any socket is in. */
static uint32_t groups_in_use(const struct ferrule *device) {
    uint32_t bits = 0;
    for (uint32_t index = 0; index < device->socket_count; index++)
        bits |= device->sockets[index].groups;
    return bits;
}

/** Where a group stands among the device's, or would; FERRULE_GROUPS when there is no room. */
static uint32_t group_place(const struct ferrule *device, const uint8_t group[4]) {
    const uint32_t used = groups_in_use(device);
    uint32_t place = FERRULE_GROUPS;
    for (uint32_t index = FERRULE_GROUPS; index-- > 0;) {
        if ((used >> index & 1) == 0)
            place = index;
        else if (memcmp(device->groups[index], group, 4) == 0)
            return index;
    }
    return place;
}

/** Tells the network device which Ethernet groups it is to take: RFC 1112 section 6.4. Who is in one has to
 * hear what is asked of all (224.0.0.1), too. */
static void tell_groups(struct ferrule *device) {
    const struct ferrule_netdev *netdev = device->setup->netdev;
    const uint32_t used = groups_in_use(device);
    static const uint8_t all_hosts[6] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0x01};
    uint8_t macs[FERRULE_GROUPS + 1][6];
    uint32_t count = 0;
    for (uint32_t index = 0; index < FERRULE_GROUPS; index++) {
        const uint8_t *group = device->groups[index];
        if ((used >> index & 1) == 0)
            continue;
        const uint8_t mac[6] = {0x01, 0x00, 0x5e, group[1] & 0x7f, group[2], group[3]};
        memcpy(macs[count++], mac, sizeof mac);
    }
    if (count > 0)
        memcpy(macs[count++], all_hosts, sizeof all_hosts);
    if (netdev->set_groups)
        netdev->set_groups(netdev->context, (const uint8_t(*)[6])macs, count);
}

/** Puts it into the exchange area. */
static int32_t put_endpoint(struct ferrule *device, const struct ferrule_endpoint *endpoint) {
    uint8_t *at = ferrule_device_bytes(device, device->exchange, sizeof *endpoint);
    if (!at)
        return FERRULE_ERROR_RESTARTING;
    memcpy(at, endpoint, sizeof *endpoint);
    return FERRULE_STATUS_OK;
}

/* Names */

int32_t ferrule_resolve(struct ferrule *device, const char *name) {
    int32_t handle = open_query(device, name);
    return ferrule_device_new_socket(device, handle, FERRULE_SOCKET_KIND_QUERY);
}

/** A query of the core that is under way. */
static int32_t open_query(struct ferrule *device, const char *name) {
    int32_t handle = ferrule_device_call(device, FERRULE_EXPORT_open, FERRULE_SOCKET_KIND_QUERY, 0, 0, 0);
    if (handle < 0)
        return handle;
    int32_t status = put_name(device, handle, name);
    return status < 0 ? give_up(device, handle, status) : handle;
}

static int32_t put_name(struct ferrule *device, int32_t handle, const char *name) {
    const size_t length = strlen(name);
    int32_t room = ferrule_device_call(device, FERRULE_EXPORT_sendReserve, (uint32_t)handle, 0, 0, 0);
    if (room < 0)
        return room;
    uint8_t *run = ferrule_device_run(device, (uint32_t)room);
    if (!run)
        return FERRULE_ERROR_RESTARTING;
    if (length > (uint32_t)room)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    memcpy(run, name, length);
    return ferrule_device_call(device, FERRULE_EXPORT_sendCommit, (uint32_t)handle, (uint32_t)length, 0, 0);
}

int32_t ferrule_addresses(struct ferrule *device, int32_t query, uint8_t (*addresses)[16], uint32_t most) {
    struct ferrule_socket_entry *entry;
    int32_t status = ferrule_device_socket(device, query, FERRULE_SOCKET_KIND_QUERY, &entry);
    if (status < 0)
        return status;
    int32_t bytes = ferrule_device_call(device, FERRULE_EXPORT_receivePeek, (uint32_t)entry->handle, 0, 0, 0);
    if (bytes < 0)
        return bytes;
    const uint8_t *run = ferrule_device_run(device, (uint32_t)bytes);
    if (!run)
        return FERRULE_ERROR_RESTARTING;
    uint32_t count = (uint32_t)bytes / sizeof *addresses;
    count = count < most ? count : most;
    memcpy(addresses, run, count * sizeof *addresses);
    return (int32_t)count;
}

int32_t ferrule_connect_name(struct ferrule *device, const char *name, uint16_t port) {
    int32_t handle = ferrule_device_call(device, FERRULE_EXPORT_open, FERRULE_SOCKET_KIND_STREAM, 0, 0, 0);
    if (handle < 0)
        return handle;
    const int32_t query = open_query(device, name);
    if (query < 0)
        return give_up(device, handle, query);
    struct ferrule_endpoint peer = {.family = FERRULE_FAMILY_NAME, .port = port};
    memcpy(peer.address, &query, sizeof query);
    int32_t status = put_endpoint(device, &peer);
    if (status >= 0)
        status =
            ferrule_device_call(device, FERRULE_EXPORT_connect, (uint32_t)handle, device->exchange, 0, 0);
    if (status < 0) {
        give_up(device, query, status);
        return give_up(device, handle, status);
    }
    int32_t socket = ferrule_device_new_socket(device, handle, FERRULE_SOCKET_KIND_STREAM);
    if (socket < 0)
        return give_up(device, query, socket);
    ferrule_device_keep_query(device, socket, query);
    return socket;
}

/* DHCP */

int32_t ferrule_dhcp_start(struct ferrule *device, const char *host_name, bool link_local) {
    struct ferrule_socket_entry *running;
    if (ferrule_device_socket(device, device->dhcp, FERRULE_SOCKET_KIND_DHCP_CLIENT, &running) >= 0)
        return FERRULE_STATUS_NO_SOCKET;
    device->host_name = host_name;
    device->link_local = link_local;
    int32_t socket = ferrule_device_new_socket(device, start_dhcp(device), FERRULE_SOCKET_KIND_DHCP_CLIENT);
    if (socket < 0)
        return socket;
    device->dhcp = socket;
    device->reopen = restart_dhcp;
    return socket;
}

/** Starts it in the core; returns its handle. */
static int32_t start_dhcp(struct ferrule *device) {
    int32_t handle =
        ferrule_device_call(device, FERRULE_EXPORT_open, FERRULE_SOCKET_KIND_DHCP_CLIENT, 0, 0, 0);
    if (handle < 0)
        return handle;
    int32_t status = device->host_name ? set_host_name(device, handle) : FERRULE_STATUS_OK;
    uint8_t *at = ferrule_device_bytes(device, device->exchange, sizeof(uint32_t));
    if (status >= 0 && device->link_local && at) {
        const uint32_t value = 1;
        memcpy(at, &value, sizeof value);
        status = ferrule_device_call(device, FERRULE_EXPORT_setopt, (uint32_t)handle,
                                     FERRULE_OPTION_LINK_LOCAL, device->exchange, sizeof value);
    }
    return status < 0 ? give_up(device, handle, status) : handle;
}

static int32_t set_host_name(struct ferrule *device, int32_t handle) {
    const size_t length = strlen(device->host_name);
    if (length > FERRULE_EXCHANGE_BYTES)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    uint8_t *at = ferrule_device_bytes(device, device->exchange, (uint32_t)length);
    if (!at)
        return FERRULE_ERROR_RESTARTING;
    memcpy(at, device->host_name, length);
    return ferrule_device_call(device, FERRULE_EXPORT_setopt, (uint32_t)handle, FERRULE_OPTION_HOST_NAME,
                               device->exchange, (uint32_t)length);
}

/** After a restart, unless the program has given it back meanwhile. */
static int32_t restart_dhcp(struct ferrule *device) {
    struct ferrule_socket_entry *entry;
    if (ferrule_device_socket(device, device->dhcp, FERRULE_SOCKET_KIND_DHCP_CLIENT, &entry) < 0)
        return FERRULE_STATUS_OK;
    int32_t handle = start_dhcp(device);
    if (handle >= 0)
        entry->handle = handle;
    return handle;
}

int32_t ferrule_lease(struct ferrule *device, struct ferrule_lease *lease) {
    struct ferrule_socket_entry *entry;
    int32_t status = ferrule_device_socket(device, device->dhcp, FERRULE_SOCKET_KIND_DHCP_CLIENT, &entry);
    if (status < 0)
        return status;
    uint8_t *at = ferrule_device_bytes(device, device->exchange, sizeof *lease);
    if (!at)
        return FERRULE_ERROR_RESTARTING;
    memset(at, 0, sizeof *lease);
    status = ferrule_device_call(device, FERRULE_EXPORT_getopt, (uint32_t)entry->handle, FERRULE_OPTION_LEASE,
                                 device->exchange, sizeof *lease);
    memcpy(lease, at, sizeof *lease);
    return status < 0 ? status : FERRULE_STATUS_OK;
}
