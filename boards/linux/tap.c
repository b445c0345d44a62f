#define _DEFAULT_SOURCE
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct tap *tap = context;
    ssize_t length = read(tap->fd, frame, room);
    return length > 0 ? (uint32_t)length : 0;
}

static bool has_room(void *context) {
    struct tap *tap = context;
    struct pollfd entry = {.fd = tap->fd, .events = POLLOUT};
    return poll(&entry, 1, 0) > 0 && (entry.revents & POLLOUT) != 0;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct tap *tap = context;
    /* A frame that the kernel does not take is lost, as on a cable that is not plugged in. */
    if (write(tap->fd, frame, length) < 0)
        return;
}

int tap_open(struct tap *tap, const char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tap->fd < 0)
        return errno;
    if (ioctl(tap->fd, TUNSETIFF, &request) < 0) {
        int problem = errno;
        close(tap->fd);
        return problem;
    }
    tap->netdev =
        (struct ferrule_netdev){.receive = receive, .has_room = has_room, .send = send_frame, .context = tap};
    return 0;
}

void tap_wait(struct tap *tap, uint32_t ms) {
    struct pollfd entry = {.fd = tap->fd, .events = POLLIN};
    poll(&entry, 1, ms < 1000 ? (int)ms : 1000);
}
