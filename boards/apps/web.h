/*
 * An application on ferrule.h: a web server on port 80 and an echo server (RFC 862) on port 7.
 *
 *     GET /          a page
 *     GET /info      what the stack, and the board, know of themselves, as JSON
 *     GET /bytes/N   N reproducible bytes: those of host/apps/reproducible_bytes.ts
 *     POST /echo     the body comes back; needs a Content-Length
 *     GET /resolve/NAME    the addresses of a name, as the DNS servers have them, as JSON; a status of
 *                          ferrule.h in their place, NOT_SUPPORTED in a build of the core without names
 */
#ifndef WEB_H
#define WEB_H

#include "ferrule.h"

#define WEB_HTTP_PORT 80
#define WEB_ECHO_PORT 7

/** Longest head of a request, and of an answer with its text, in bytes: browsers send some 600, /info takes
 * 600. */
#ifndef WEB_HEAD_BYTES
#define WEB_HEAD_BYTES 1024
#endif

/** Sockets that a program may have beside this application. */
#define WEB_OTHERS 4u

/** How long nothing may move on a connection, in milliseconds. */
#define WEB_IDLE_MS 120000u

/** A connection's state; the fields are the application's own. */
struct web_visitor {
    int32_t socket;
    /** The name that is being looked up; 0 for none. */
    int32_t query;
    /** What it does, and what it does after `text` was sent. */
    uint8_t phase, next;
    bool keep;
    /** There was more to do than one round lets do. */
    bool has_more;
    /** When something moved last. */
    uint32_t active_ms;
    /** Bytes of `text` that are a request's head so far, or that are to be sent; and how many are. */
    uint32_t length, sent;
    /** Bytes of the body that are still to be sent. */
    uint32_t left;
    /** Where the sequence of reproducible bytes is. */
    uint32_t state;
    char text[WEB_HEAD_BYTES];
};

struct web {
    struct ferrule *device;
    struct web_visitor *visitors;
    uint32_t count;
    int32_t http, echo;
    uint32_t requests;
    /** Puts what a board knows of itself at `json`, as in ",\"stackBytes\":100": `room` bytes at most, with a
     * zero behind. NULL: nothing. */
    void (*about)(char *json, size_t room);
    /** Hears the events of sockets that are not this application's: WEB_OTHERS of them at most. NULL: nobody.
     */
    void (*other)(int32_t socket, uint32_t events);
};

/** Starts to listen. `visitors`: a place for each connection, `count` of them, which must stay. OK or why
 * not. */
int32_t web_start(struct web *web, struct ferrule *device, struct web_visitor *visitors, uint32_t count);

/** Does what the sockets' events call for. Call it after each `ferrule_poll`. True when there is more to do
 * at once: do not sleep. */
bool web_serve(struct web *web);

/** How many connections have not been given back yet. */
uint32_t web_open(const struct web *web);

#endif
