#include "echo.h"

#include <string.h>

#include "core_calls.h"

static uint32_t listener;

static void accept_all(void);
static void send_back(uint32_t socket);

void echo_start(uint16_t port) {
    struct ferrule_endpoint endpoint = {.family = FERRULE_FAMILY_IPV4, .port = port};
    uint32_t exchange = core_header().exchange;
    memcpy(core_bytes(exchange, sizeof endpoint), &endpoint, sizeof endpoint);
    listener = core_ok(FERRULE_EXPORT_open, FERRULE_SOCKET_KIND_LISTENER, 0, 0);
    core_ok(FERRULE_EXPORT_bind, listener, exchange, 0);
    core_ok(FERRULE_EXPORT_listen, listener, 4, 0);
}

void echo_serve(void) {
    uint32_t socket;
    while ((socket = core_ok(FERRULE_EXPORT_nextEvent, 0, 0, 0)) != 0) {
        uint32_t events = core_header().event_mask;
        if (socket == listener)
            accept_all();
        else if (events & (FERRULE_EVENT_CLOSED | FERRULE_EVENT_FAILED))
            core_ok(FERRULE_EXPORT_close, socket, 0, 0);
        else
            send_back(socket);
    }
}

static void accept_all(void) {
    int32_t socket;
    while ((socket = core_call(FERRULE_EXPORT_accept, listener, 0, 0)) > 0)
        send_back((uint32_t)socket);
    if (socket != FERRULE_STATUS_WOULD_BLOCK)
        fail("accept", "neither a handle nor WOULD_BLOCK");
}

/** Moves as much as there is and as fits; an event says when there is more, or more room. */
static void send_back(uint32_t socket) {
    int32_t received, room;
    while ((received = core_call(FERRULE_EXPORT_receivePeek, socket, 0, 0)) > 0) {
        uint32_t from = core_header().run_pointer;
        if ((room = core_call(FERRULE_EXPORT_sendReserve, socket, 0, 0)) <= 0)
            return;
        uint32_t to = core_header().run_pointer;
        uint32_t length = (uint32_t)(received < room ? received : room);
        memcpy(core_bytes(to, length), core_bytes(from, length), length);
        core_ok(FERRULE_EXPORT_sendCommit, socket, length, 0);
        core_ok(FERRULE_EXPORT_receiveConsume, socket, length, 0);
    }
    if (received == 0)
        core_ok(FERRULE_EXPORT_close, socket, 0, 0);
}
