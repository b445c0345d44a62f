/*
 * The Arduino classes, function by function: the device on a TAP interface, and this program's own sockets
 * of the Linux kernel as the peer. Prints a line for each group of checks that held, and ends with 1 at the
 * first that did not.
 *
 *     api INTERFACE static|dhcp      the kernel is 10.0.0.1, the device 10.0.0.2
 */
#include "FerruleEthernet.h"
#include "port.h"

/* Its INADDR_NONE is a macro, Arduino's a constant: these come last. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf("FAILED line %d: %s\n", __LINE__, #condition);                                            \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/** Waits until it holds. */
#define EVENTUALLY(condition)                                                                                \
    do {                                                                                                     \
        const unsigned long begun = millis();                                                                \
        while (!(condition)) {                                                                               \
            CHECK(millis() - begun < 10000 && #condition);                                                   \
            delay(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static const uint8_t mac[6] = {0x02, 0x46, 0x52, 0, 0, 0x11};
static const IPAddress device(10, 0, 0, 2), kernel(10, 0, 0, 1);

static struct sockaddr_in at(const char *address, uint16_t port) {
    struct sockaddr_in end = {};
    end.sin_family = AF_INET;
    end.sin_port = htons(port);
    inet_pton(AF_INET, address, &end.sin_addr);
    return end;
}

/** A socket of the kernel's that waits for ten seconds at most. */
static int kernelSocket(int type) {
    const int fd = ::socket(AF_INET, type, 0), yes = 1;
    const struct timeval limit = {10, 0};
    CHECK(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    return fd;
}

static int kernelListener(uint16_t port) {
    const int fd = kernelSocket(SOCK_STREAM);
    const struct sockaddr_in end = at("10.0.0.1", port);
    CHECK(bind(fd, (const struct sockaddr *)&end, sizeof end) == 0 && listen(fd, 4) == 0);
    return fd;
}

static int kernelConnect(uint16_t port) {
    const int fd = kernelSocket(SOCK_STREAM);
    const struct sockaddr_in end = at("10.0.0.2", port);
    CHECK(connect(fd, (const struct sockaddr *)&end, sizeof end) == 0);
    return fd;
}

static void kernelWrite(int fd, const char *text) {
    CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/** The kernel reads this text. */
static bool kernelReads(int fd, const char *text) {
    char data[256];
    const ssize_t length = recv(fd, data, strlen(text), MSG_WAITALL);
    return length == (ssize_t)strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

static bool kernelSeesEnd(int fd) {
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

static void beforeBegin() {
    FerruleClient client;
    FerruleServer server(80);
    FerruleUDP udp;
    IPAddress found;
    uint8_t zeros[6];
    CHECK(Ferrule.net() == nullptr && Ferrule.localIP() == IPAddress(0, 0, 0, 0));
    CHECK(Ferrule.linkStatus() == FerruleLinkUnknown && Ferrule.maintain() == 0);
    CHECK(!Ferrule.hostByName("10.0.0.1", found) && Ferrule.error() == FERRULE_ERROR_STOPPED);
    Ferrule.MACAddress(zeros);
    CHECK(zeros[0] == 0);
    Ferrule.end();
    CHECK(client.connect(kernel, 7) == 0 && client.error() == FERRULE_ERROR_STOPPED && !client);
    CHECK(client.write('x') == 0 && client.getWriteError() != 0);
    CHECK(client.available() == 0 && client.read() == -1 && client.peek() == -1 && !client.connected());
    client.flush();
    client.stop();
    server.begin();
    CHECK(!server && !server.available() && !server.accept());
    CHECK(!udp.begin(9) && !udp.beginPacket(kernel, 9) && !udp.endPacket() && udp.parsePacket() == 0);
    puts("before begin");
}

static void addresses() {
    uint8_t own[6];
    CHECK(Ferrule.begin(mac, device) == 1);
    CHECK(Ferrule.localIP() == device && Ferrule.subnetMask() == IPAddress(255, 255, 255, 0));
    CHECK(Ferrule.gatewayIP() == kernel && Ferrule.dnsServerIP() == kernel && Ferrule.maintain() == 0);
    CHECK(Ferrule.begin(mac, device, IPAddress(10, 0, 0, 3), IPAddress(10, 0, 0, 4),
                        IPAddress(255, 255, 0, 0)) == 1);
    CHECK(Ferrule.dnsServerIP() == IPAddress(10, 0, 0, 3) && Ferrule.gatewayIP() == IPAddress(10, 0, 0, 4));
    CHECK(Ferrule.subnetMask() == IPAddress(255, 255, 0, 0));
    Ferrule.MACAddress(own);
    CHECK(memcmp(own, mac, 6) == 0);
    EVENTUALLY(Ferrule.linkStatus() == FerruleLinkON);
    port_plug(false);
    EVENTUALLY(Ferrule.linkStatus() == FerruleLinkOFF);
    port_plug(true);
    IPAddress found;
    CHECK(Ferrule.hostByName("192.168.7.9", found) == 1 && found == IPAddress(192, 168, 7, 9));
    const uint8_t group[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    CHECK(Ferrule.begin(group, device) == 0 && Ferrule.error() < 0 && Ferrule.net() == nullptr);
    CHECK(Ferrule.begin(mac, device, kernel, kernel) == 1);
    puts("addresses");
}

static void client() {
    const int listener = kernelListener(9000);
    FerruleClient client, other;
    CHECK(!client && client.connect(kernel, 9000) == 1 && client && client.connected());
    int fd = accept(listener, nullptr, nullptr);
    CHECK(client.localIP() == device && client.remoteIP() == kernel && client.remotePort() == 9000);
    CHECK(client.localPort() >= 1024 && client.getSocketNumber() > 0);
    CHECK(client.available() == 0 && client.read() == -1 && client.peek() == -1);
    uint8_t data[16];
    CHECK(client.read(data, sizeof data) == -1 && client.read(data, 0) == 0);
    CHECK(client.print("number ") == 7 && client.println(42) == 4 && client.write('!') == 1);
    client.flush();
    CHECK(kernelReads(fd, "number 42\r\n!") && client.availableForWrite() == 4096);
    kernelWrite(fd, "hello, 17 is it\nbye");
    EVENTUALLY(client.available() == 19);
    CHECK(client.peek() == 'h' && client.read() == 'h' && client.available() == 18);
    CHECK(client.read(data, 6) == 6 && memcmp(data, "ello, ", 6) == 0);
    CHECK(client.parseInt() == 17 && client.readStringUntil('\n') == " is it");

    /* Copies name the same connection. */
    other = client;
    CHECK(other == client && other.read() == 'b');
    shutdown(fd, SHUT_WR);
    EVENTUALLY(client.available() == 2);
    CHECK(client.connected());
    CHECK(client.read(data, sizeof data) == 2);
    EVENTUALLY(!client.connected());
    CHECK(client && client.read() == -1 && client.peek() == -1 && client.read(data, sizeof data) == 0);
    /* The peer has ended, and still hears. */
    CHECK(client.print("last") == 4);
    other.stop();
    CHECK(kernelReads(fd, "last") && kernelSeesEnd(fd));
    CHECK(!other && other != client && !client.connected() && client.available() == 0);
    CHECK(client.write('x') == 0 && client.getWriteError() != 0 && client.error() < 0);
    client.stop();
    CHECK(!client);
    close(fd);

    /* A timed read waits for what is missing. */
    CHECK(client.connect("10.0.0.1", 9000) == 1 && client.getWriteError() == 0);
    fd = accept(listener, nullptr, nullptr);
    client.setTimeout(50);
    kernelWrite(fd, "ab");
    CHECK(client.readBytes(data, 3) == 2);
    client.setNoDelay(true);
    /* Another connect ends the first. */
    CHECK(client.connect(kernel, 9000) == 1 && kernelSeesEnd(fd));
    close(fd);
    fd = accept(listener, nullptr, nullptr);
    client.stop();
    CHECK(kernelSeesEnd(fd));
    close(fd);
    close(listener);
    puts("client");
}

static void failures() {
    FerruleClient client;
    CHECK(client.connect(kernel, 9001) == 0 && client.error() == FERRULE_STATUS_CONNECTION_REFUSED &&
          !client);
    /* Nobody has this address. */
    client.setConnectionTimeout(100);
    const unsigned long begun = millis();
    CHECK(client.connect(IPAddress(10, 0, 0, 77), 80) == 0 && client.error() == FERRULE_STATUS_TIMED_OUT);
    CHECK(millis() - begun >= 100);
    CHECK(client.connect(IPAddress(10, 0, 0, 77), 80, 20) == 0);
    CHECK(client.connect("10.0.0.256", 80) == 0 && client.connect("", 80) == 0);
    CHECK(client.connect((const char *)nullptr, 80) == 0 &&
          client.error() == FERRULE_STATUS_INVALID_ARGUMENT);

    /* A peer that does not read: as much is written as there is room for. */
    const int listener = kernelListener(9000);
    const int small = 2048;
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    static uint8_t much[1 << 20];
    CHECK(client.connect(kernel, 9000) == 1);
    int fd = accept(listener, nullptr, nullptr);
    const size_t taken = client.write(much, sizeof much);
    CHECK(taken >= 4096 && taken < sizeof much && client.getWriteError() != 0);
    CHECK(client.error() == FERRULE_STATUS_TIMED_OUT && client.connected());
    /* And one that resets. */
    const struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    EVENTUALLY(!client.connected());
    CHECK(client.write('x') == 0 && client.error() == FERRULE_STATUS_CONNECTION_RESET);
    uint8_t byte;
    CHECK(client.read(&byte, 1) == 0 && client.availableForWrite() == 0);

    /* And one that vanishes: that is an end, and not "nothing yet". */
    CHECK(client.connect(kernel, 9000) == 1);
    fd = accept(listener, nullptr, nullptr);
    CHECK(system("ip addr del 10.0.0.1/24 dev wire") == 0);
    CHECK(client.write('x') == 1 && client.read(&byte, 1) == -1);
    EVENTUALLY(!client.connected());
    CHECK(client.read(&byte, 1) == 0 && client.write('x') == 0);
    CHECK(client.error() == FERRULE_STATUS_TIMED_OUT);
    CHECK(system("ip addr add 10.0.0.1/24 dev wire") == 0);
    close(fd);
    client.stop();
    close(listener);
    puts("failures");
}

static void server() {
    FerruleServer server(8000);
    CHECK(!server);
    server.begin();
    CHECK(server && !server.available());
    const int first = kernelConnect(8000), second = kernelConnect(8000);
    CHECK(!server.available());
    kernelWrite(second, "two");
    FerruleClient client;
    EVENTUALLY(client = server.available());
    CHECK(client.read() == 't');
    /* It is told again, as long as there is something to read. */
    CHECK(server.available() == client && client.readStringUntil('o') == "w" && !server.available());
    /* To everybody. */
    CHECK(server.print("all") == 3 && kernelReads(first, "all") && kernelReads(second, "all"));
    /* Both in turn. */
    kernelWrite(first, "a");
    kernelWrite(second, "bb");
    EVENTUALLY((client = server.available()) && client.available() == 2);
    FerruleClient other;
    EVENTUALLY(other = server.available());
    CHECK(other != client);
    client.stop();
    CHECK(kernelSeesEnd(second) || errno == ECONNRESET);
    /* The server ends what the peer has ended, when all was read. */
    shutdown(first, SHUT_WR);
    EVENTUALLY(server.available() == other);
    CHECK(other.read() == 'a');
    EVENTUALLY(!other.connected());
    CHECK(!server.available() && kernelSeesEnd(first));
    close(first);
    close(second);

    /* `accept` gives a connection once, before the peer has said anything. */
    const int third = kernelConnect(8000);
    EVENTUALLY(client = server.accept());
    CHECK(client.print("welcome") == 7 && kernelReads(third, "welcome") && !server.accept());
    kernelWrite(third, "x");
    EVENTUALLY(client.available() == 1);
    CHECK(!server.available() && client.read() == 'x');
    server.end();
    CHECK(!server && client.connected());
    client.stop();
    CHECK(kernelSeesEnd(third));
    close(third);

    /* More than it has places for wait; places come back. */
    server.begin(8001);
    int visitors[FERRULE_SERVER_CLIENTS + 2];
    for (int &visitor : visitors) {
        visitor = kernelConnect(8001);
        server.available();
    }
    kernelWrite(visitors[FERRULE_SERVER_CLIENTS + 1], "late");
    for (int index = 0; index < 20; index++, delay(5))
        CHECK(!server.available());
    close(visitors[0]);
    close(visitors[1]);
    EVENTUALLY(client = server.available());
    CHECK(client.readString() == "late");
    for (int index = 2; index < FERRULE_SERVER_CLIENTS + 2; index++)
        close(visitors[index]);
    server.end();
    puts("server");
}

static bool kernelReceives(int fd, const char *text, struct sockaddr_in *from = nullptr) {
    char data[2000];
    socklen_t size = sizeof *from;
    const ssize_t length =
        recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)from, from ? &size : nullptr);
    return length == (ssize_t)strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

static void datagrams() {
    FerruleUDP udp, ephemeral;
    const int fd = kernelSocket(SOCK_DGRAM), yes = 1;
    struct sockaddr_in own = at("0.0.0.0", 5000), from = {}, to = at("10.0.0.2", 4000);
    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
    CHECK(bind(fd, (const struct sockaddr *)&own, sizeof own) == 0);
    CHECK(udp.begin(4000) == 1 && udp.localPort() == 4000 && !ephemeral.begin(4000));
    CHECK(ephemeral.begin(0) == 1 && ephemeral.localPort() >= 1024);
    CHECK(udp.parsePacket() == 0 && udp.available() == 0 && udp.read() == -1 && udp.peek() == -1);
    CHECK(udp.beginPacket(kernel, 5000) == 1 && udp.print("to ") == 3 && udp.write('u') == 1);
    CHECK(udp.endPacket() == 1 && !udp.endPacket() && kernelReceives(fd, "to u", &from));
    CHECK(from.sin_port == htons(4000));
    CHECK(udp.beginPacket("10.0.0.1", 5000) == 1 && udp.endPacket() == 1 && kernelReceives(fd, ""));
    CHECK(!udp.beginPacket(kernel, 0) && !udp.beginPacket("", 5000) && udp.write('x') == 0);
    udp.clearWriteError();

    CHECK(sendto(fd, "first", 5, 0, (const struct sockaddr *)&to, sizeof to) == 5);
    CHECK(sendto(fd, "second", 6, 0, (const struct sockaddr *)&to, sizeof to) == 6);
    EVENTUALLY(udp.parsePacket() == 5);
    CHECK(udp.remoteIP() == kernel && udp.remotePort() == 5000);
    char data[8] = "";
    CHECK(udp.peek() == 'f' && udp.read() == 'f' && udp.available() == 4 && udp.read(data, 2) == 2);
    CHECK(memcmp(data, "ir", 2) == 0);
    udp.flush();
    /* What was not read is gone. */
    EVENTUALLY(udp.parsePacket() == 6);
    CHECK(udp.read(data, sizeof data) == 6 && memcmp(data, "second", 6) == 0 && udp.read(data, 1) == -1);

    /* As long as a frame, and longer. */
    static uint8_t much[FERRULE_UDP_BYTES + 1];
    CHECK(udp.beginPacket(kernel, 5000) && udp.write(much, FERRULE_UDP_BYTES) == FERRULE_UDP_BYTES);
    CHECK(udp.endPacket() == 1 && recv(fd, much, sizeof much, 0) == FERRULE_UDP_BYTES);
    CHECK(udp.beginPacket(kernel, 5000) && udp.write(much, sizeof much) == FERRULE_UDP_BYTES);
    CHECK(udp.getWriteError() != 0 && udp.endPacket() == 0);
    /* To everybody. */
    CHECK(udp.beginPacket(IPAddress(255, 255, 255, 255), 5000) && udp.print("all") && udp.endPacket());
    CHECK(kernelReceives(fd, "all"));
    udp.stop();
    ephemeral.stop();
    CHECK(!udp.beginPacket(kernel, 5000) && udp.parsePacket() == 0 && udp.localPort() == 0);

    /* A group. */
    const struct ip_mreqn out = {{}, {inet_addr("10.0.0.1")}, 0};
    CHECK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) == 0);
    CHECK(!udp.beginMulticast(kernel, 4001) && udp.beginMulticast(IPAddress(239, 1, 2, 3), 4001) == 1);
    to = at("239.1.2.3", 4001);
    EVENTUALLY(sendto(fd, "group", 5, 0, (const struct sockaddr *)&to, sizeof to) == 5 &&
               udp.parsePacket() == 5);
    udp.stop();
    close(fd);
    puts("datagrams");
}

/** Servers and clients of before `Ferrule.end` end nothing of what there is now. */
static void again() {
    FerruleServer first(8000), second(8001);
    FerruleClient client;
    CHECK(Ferrule.begin(mac, device, kernel, kernel) == 1);
    first.begin();
    second.begin();
    const int listener = kernelListener(9000);
    CHECK(client.connect(kernel, 9000) == 1);
    CHECK(Ferrule.begin(mac, device, kernel, kernel) == 1);
    CHECK(!client.connected() && client.write('x') == 0);
    second.begin();
    first.begin();
    client.stop();
    const int fds[] = {kernelConnect(8000), kernelConnect(8001)};
    EVENTUALLY(client = first.accept());
    EVENTUALLY(client = second.accept());
    first.end();
    second.end();
    for (int fd : fds)
        close(fd);
    close(listener);
    puts("again");
}

/** Of AddressSanitizer's runtime; not every package of gcc has its header. */
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloced)(const volatile void *, size_t),
                                                         void (*freed)(const volatile void *));

static volatile unsigned allocations;

static void countAllocation(const volatile void *, size_t) {
    allocations = allocations + 1;
}

/** After begin nothing is allocated: not by the classes, and not by the stack's thread. */
static void heap() {
    static FerruleUDP udp;
    FerruleServer server(8000);
    FerruleClient client, visitor;
    IPAddress found;
    uint8_t data[64] = {};
    const int listener = kernelListener(9000), fd = kernelSocket(SOCK_DGRAM);
    const struct sockaddr_in to = at("10.0.0.2", 4000);
    __sanitizer_install_malloc_and_free_hooks(countAllocation, [](const volatile void *) {});
    free(malloc(1));
    CHECK(allocations == 1);
    server.begin();
    CHECK(client.connect("10.0.0.1", 9000) && client.print("hello") == 5 && client.println(5) == 3);
    const int peer = accept(listener, nullptr, nullptr), first = kernelConnect(8000);
    kernelWrite(peer, "12345");
    EVENTUALLY(client.available() == 5);
    CHECK(client.parseInt() == 12345 && client.read(data, sizeof data) == -1 && client.peek() == -1);
    client.flush();
    client.stop();
    kernelWrite(first, "x");
    EVENTUALLY(visitor = server.available());
    CHECK(visitor.read() == 'x' && server.print("y") == 1);
    server.end();
    CHECK(udp.begin(4000) && udp.beginPacket(kernel, 5000) && udp.write(data, 64) == 64 && udp.endPacket());
    CHECK(sendto(fd, "datagram", 8, 0, (const struct sockaddr *)&to, sizeof to) == 8);
    EVENTUALLY(udp.parsePacket() == 8);
    udp.stop();
    CHECK(Ferrule.hostByName("10.0.0.1", found) && Ferrule.localIP() == device && Ferrule.maintain() == 0);
    CHECK(allocations == 1);
    const int all[] = {listener, fd, peer, first};
    for (int each : all)
        close(each);
    puts("heap");
}

/** The core has a bug here, which a datagram reaches: connections end, all else comes back. */
static void traps() {
    static FerruleUDP udp, group;
    FerruleServer server(8000);
    const int fd = kernelSocket(SOCK_DGRAM);
    const struct sockaddr_in own = at("10.0.0.1", 5000), to = at("10.0.0.2", 4000);
    const struct sockaddr_in toGroup = at("239.1.2.3", 4001);
    const struct ip_mreqn out = {{}, {inet_addr("10.0.0.1")}, 0};
    CHECK(bind(fd, (const struct sockaddr *)&own, sizeof own) == 0);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) == 0);
    CHECK(udp.begin(4000) && group.beginMulticast(IPAddress(239, 1, 2, 3), 4001));
    server.begin();
    const int first = kernelConnect(8000);
    kernelWrite(first, "x");
    FerruleClient client;
    EVENTUALLY(client = server.available());
    CHECK(sendto(fd, "0123456789abcdefTRAP", 20, 0, (const struct sockaddr *)&to, sizeof to) == 20);
    EVENTUALLY(!client.connected());
    CHECK(client.read() == -1 && client.available() == 0 && client.write('x') == 0);
    client.stop();
    close(first);
    EVENTUALLY(udp.beginPacket(kernel, 5000) && udp.print("again") && udp.endPacket());
    CHECK(kernelReceives(fd, "again"));
    EVENTUALLY(sendto(fd, "group", 5, 0, (const struct sockaddr *)&toGroup, sizeof toGroup) == 5 &&
               group.parsePacket() == 5);
    const int second = kernelConnect(8000);
    kernelWrite(second, "y");
    EVENTUALLY(client = server.available());
    CHECK(client.read() == 'y' && Ferrule.localIP() == device);
    server.end();
    udp.stop();
    group.stop();
    close(second);
    close(fd);
    puts("traps");
}

static void leases() {
    IPAddress found;
    FerruleClient client;
    Ferrule.setHostname("arduino");
    CHECK(Ferrule.begin(mac, 1) == 0 && Ferrule.error() == FERRULE_STATUS_TIMED_OUT);
    CHECK(Ferrule.localIP() == IPAddress(0, 0, 0, 0) && Ferrule.maintain() == 0);
    /* The search goes on. */
    EVENTUALLY(Ferrule.maintain() == 2);
    CHECK(Ferrule.begin(mac, 20000) == 1 && Ferrule.localIP()[3] >= 50 && Ferrule.maintain() == 0);
    CHECK(Ferrule.gatewayIP() == kernel && Ferrule.dnsServerIP() == kernel);
    CHECK(Ferrule.subnetMask() == IPAddress(255, 255, 255, 0));
    CHECK(Ferrule.hostByName("web.test", found) == 1 && found == kernel);
    CHECK(!Ferrule.hostByName("no.test", found) && Ferrule.error() == FERRULE_STATUS_NOT_FOUND);
    const int listener = kernelListener(9000);
    CHECK(client.connect("web.test", 9000) == 1 && client.remoteIP() == kernel);
    CHECK(client.connect("no.test", 9000) == 0 && client.error() == FERRULE_STATUS_NOT_FOUND);
    close(listener);
    FerruleUDP udp;
    CHECK(udp.begin(4000) && udp.beginPacket("web.test", 53) == 1 && !udp.beginPacket("no.test", 53));
    puts("leases");
    /* As sketches do when there is no server. */
    CHECK(Ferrule.begin(mac, device) == 1 && Ferrule.localIP() == device);
    CHECK(Ferrule.begin() == 1 && Ferrule.localIP()[3] >= 50);
    Ferrule.end();
    CHECK(Ferrule.localIP() == IPAddress(0, 0, 0, 0));
    puts("back and forth");
}

int main(int count, char **arguments) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    if (count != 3 || port_open(arguments[1]) != 0)
        return 2;
    if (strcmp(arguments[2], "dhcp") == 0) {
        leases();
        return 0;
    }
    beforeBegin();
    addresses();
    client();
    failures();
    server();
    datagrams();
    again();
    heap();
    traps();
    Ferrule.end();
    puts("done");
    return 0;
}
