#include "web.h"

#include <stdio.h>
#include <string.h>

#include "http.h"

/** What a visitor's connection is doing. */
enum phase {
    FREE,
    /** Collects the head of a request in `text`. */
    HEAD,
    /** Sends `text`, then does what is next. */
    ANSWER,
    /** Sends `left` reproducible bytes. */
    BYTES,
    /** Sends back the `left` bytes that come next, or all that come. */
    ECHO_BODY,
    ECHO_ALL,
    /** Waits for the addresses of a name. */
    RESOLVE,
    /** Waits for the peer's end after its own. */
    LAST,
};

#define LISTENERS 2u

/** Steps that a visitor gets at a time: each moves a run of a ring, or reads a head. */
#define STEPS_AT_A_TIME 64u

/** What a step came to. */
enum progress { WAITING, GOING_ON, GONE };

static void accept_all(struct web *web, int32_t listener, enum phase phase);
static void go_on(struct web *web, struct web_visitor *visitor);
static void let_go(struct web *web, struct web_visitor *visitor);
static enum progress step(struct web *web, struct web_visitor *visitor);
static enum progress copy_back(struct web *web, struct web_visitor *visitor);
static enum progress collect_head(struct web *web, struct web_visitor *visitor);
static enum progress send_text(struct web *web, struct web_visitor *visitor);
static enum progress send_bytes(struct web *web, struct web_visitor *visitor);
static enum progress next_request(struct web *web, struct web_visitor *visitor);
/* Else what it keeps on the stack would be there for all other steps, too. */
__attribute__((noinline)) static enum progress resolve(struct web *web, struct web_visitor *visitor);
static void put_addresses(struct web_visitor *visitor, uint8_t (*addresses)[16], int32_t count);
static void answer(struct web *web, struct web_visitor *visitor);
static void put_answer(struct web_visitor *visitor, const char *status, const char *type, uint32_t length,
                       const char *body);
static void put_info(struct web *web, struct web_visitor *visitor);

static const char PAGE[] = "<!doctype html><title>Ferrule</title><h1>Ferrule</h1>"
                           "<p>This page came over a TCP/IP stack in one WebAssembly module. "
                           "See <a href=\"/info\">/info</a>.\n";

int32_t web_start(struct web *web, struct ferrule *device, struct web_visitor *visitors, uint32_t count) {
    memset(visitors, 0, count * sizeof *visitors);
    *web = (struct web){
        .device = device, .visitors = visitors, .count = count, .about = web->about, .other = web->other};
    web->http = ferrule_listen(device, WEB_HTTP_PORT, count);
    if (web->http < 0)
        return web->http;
    web->echo = ferrule_listen(device, WEB_ECHO_PORT, count);
    return web->echo < 0 ? web->echo : FERRULE_STATUS_OK;
}

bool web_serve(struct web *web) {
    struct web_visitor *const end = web->visitors + web->count;
    uint32_t events;
    int32_t socket;
    bool has_more = false;
    for (struct web_visitor *visitor = web->visitors; visitor < end; visitor++)
        if (visitor->phase != FREE && visitor->has_more)
            go_on(web, visitor);
    /* Each socket once at most. */
    for (uint32_t told = 0; told < 2 * web->count + LISTENERS + WEB_OTHERS; told++) {
        socket = ferrule_next_event(web->device, &events);
        if (socket <= 0)
            break;
        bool is_other = socket != web->http && socket != web->echo;
        if (socket == web->http || socket == web->echo)
            accept_all(web, socket, socket == web->http ? HEAD : ECHO_ALL);
        for (struct web_visitor *visitor = web->visitors; visitor < end; visitor++)
            if (visitor->phase != FREE && (visitor->socket == socket || visitor->query == socket)) {
                is_other = false;
                go_on(web, visitor);
            }
        if (is_other && web->other)
            web->other(socket, events);
    }
    const uint32_t now = web->device->setup->now_ms(web->device->setup->context);
    for (struct web_visitor *visitor = web->visitors; visitor < end; visitor++) {
        /* One who has vanished, or who never reads what he asked for, must not keep a connection for ever. */
        if (visitor->phase != FREE && now - visitor->active_ms >= WEB_IDLE_MS) {
            ferrule_abort(web->device, visitor->socket);
            let_go(web, visitor);
        }
        has_more = has_more || (visitor->phase != FREE && visitor->has_more);
    }
    return has_more;
}

uint32_t web_open(const struct web *web) {
    uint32_t open = 0;
    for (uint32_t index = 0; index < web->count; index++)
        open += web->visitors[index].phase != FREE;
    return open;
}

static void accept_all(struct web *web, int32_t listener, enum phase phase) {
    int32_t socket;
    while ((socket = ferrule_accept(web->device, listener)) > 0) {
        struct web_visitor *visitor = web->visitors;
        while (visitor < web->visitors + web->count && visitor->phase != FREE)
            visitor++;
        if (visitor == web->visitors + web->count) {
            ferrule_abort(web->device, socket);
            continue;
        }
        memset(visitor, 0, sizeof *visitor);
        visitor->socket = socket;
        visitor->phase = (uint8_t)phase;
        ferrule_set_option(web->device, socket, FERRULE_OPTION_NO_DELAY, 1);
        go_on(web, visitor);
    }
}

/** As far as the connection lets it, but others want to be served, too: what is left waits for the next
 * round. */
static void go_on(struct web *web, struct web_visitor *visitor) {
    enum progress progress = GOING_ON;
    visitor->active_ms = web->device->setup->now_ms(web->device->setup->context);
    for (uint32_t steps = 0; steps < STEPS_AT_A_TIME && progress == GOING_ON; steps++)
        progress = step(web, visitor);
    visitor->has_more = progress == GOING_ON;
    if (progress != GONE)
        return;
    ferrule_close(web->device, visitor->socket);
    let_go(web, visitor);
}

static void let_go(struct web *web, struct web_visitor *visitor) {
    if (visitor->query > 0)
        ferrule_close(web->device, visitor->query);
    visitor->query = 0;
    visitor->phase = FREE;
}

static enum progress step(struct web *web, struct web_visitor *visitor) {
    switch (visitor->phase) {
    case HEAD:
        return collect_head(web, visitor);
    case ANSWER:
        return send_text(web, visitor);
    case BYTES:
        return visitor->left > 0 ? send_bytes(web, visitor) : next_request(web, visitor);
    case ECHO_BODY:
        return visitor->left > 0 ? copy_back(web, visitor) : next_request(web, visitor);
    case RESOLVE:
        return resolve(web, visitor);
    default:
        return copy_back(web, visitor);
    }
}

/** What a call that did not succeed means. */
static enum progress not_now(int32_t status) {
    return status == FERRULE_STATUS_WOULD_BLOCK ? WAITING : GONE;
}

/** From the receive ring into the send ring, without a buffer of our own; at the last, to nowhere: to close
 * with data that nobody read would reset the connection, and the peer might lose the end of the answer. */
static enum progress copy_back(struct web *web, struct web_visitor *visitor) {
    const void *from;
    void *to;
    int32_t length = ferrule_peek(web->device, visitor->socket, &from);
    if (length <= 0)
        return not_now(length);
    if (visitor->phase != LAST) {
        int32_t room = ferrule_reserve(web->device, visitor->socket, &to);
        if (room < 0)
            return not_now(room);
        length = length < room ? length : room;
        if (visitor->phase == ECHO_BODY && (uint32_t)length > visitor->left)
            length = (int32_t)visitor->left;
        memcpy(to, from, (uint32_t)length);
        visitor->left -= visitor->phase == ECHO_BODY ? (uint32_t)length : 0;
        ferrule_commit(web->device, visitor->socket, (uint32_t)length);
    }
    ferrule_consume(web->device, visitor->socket, (uint32_t)length);
    return GOING_ON;
}

static enum progress collect_head(struct web *web, struct web_visitor *visitor) {
    const void *data;
    int32_t length = ferrule_peek(web->device, visitor->socket, &data);
    if (length <= 0)
        return not_now(length);
    /* An octet at a time: what follows the head belongs to the body, or to the next request. */
    uint32_t taken = 0;
    bool whole = false;
    while (!whole && taken < (uint32_t)length && visitor->length < WEB_HEAD_BYTES - 1) {
        visitor->text[visitor->length++] = ((const char *)data)[taken++];
        visitor->text[visitor->length] = 0;
        /* An empty line before a request is not one: RFC 9112 section 2.2. */
        if (visitor->length == 2 && memcmp(visitor->text, "\r\n", 2) == 0)
            visitor->length = 0;
        whole = visitor->length >= 4 && memcmp(visitor->text + visitor->length - 4, "\r\n\r\n", 4) == 0;
    }
    ferrule_consume(web->device, visitor->socket, taken);
    if (whole) {
        answer(web, visitor);
    } else if (visitor->length == WEB_HEAD_BYTES - 1) {
        /* Its rest would be taken for the next request. */
        visitor->keep = false;
        put_answer(visitor, "431 Request Header Fields Too Large", "text/plain", 0, "");
    }
    return GOING_ON;
}

static enum progress send_text(struct web *web, struct web_visitor *visitor) {
    int32_t sent = ferrule_write(web->device, visitor->socket, visitor->text + visitor->sent,
                                 visitor->length - visitor->sent);
    if (sent < 0)
        return not_now(sent);
    visitor->sent += (uint32_t)sent;
    if (visitor->sent < visitor->length)
        return GOING_ON;
    visitor->sent = 0;
    visitor->phase = visitor->next;
    return visitor->phase == HEAD ? next_request(web, visitor) : GOING_ON;
}

/** Numbers of xorshift32, little-endian, straight into the send ring. */
static enum progress send_bytes(struct web *web, struct web_visitor *visitor) {
    void *room;
    int32_t length = ferrule_reserve(web->device, visitor->socket, &room);
    if (length < 0)
        return not_now(length);
    uint32_t count = (uint32_t)length < visitor->left ? (uint32_t)length : visitor->left;
    for (uint32_t index = 0; index < count; index++) {
        if (visitor->sent % 4 == 0) {
            visitor->state ^= visitor->state << 13;
            visitor->state ^= visitor->state >> 17;
            visitor->state ^= visitor->state << 5;
        }
        ((uint8_t *)room)[index] = (uint8_t)(visitor->state >> 8 * (visitor->sent++ % 4));
    }
    visitor->left -= count;
    ferrule_commit(web->device, visitor->socket, count);
    return GOING_ON;
}

static enum progress next_request(struct web *web, struct web_visitor *visitor) {
    visitor->length = visitor->sent = 0;
    visitor->phase = visitor->keep ? HEAD : LAST;
    if (!visitor->keep)
        ferrule_shutdown(web->device, visitor->socket);
    return GOING_ON;
}

/** Reads the request in `text` and puts the head of the answer, and a short body, into its place. */
static void answer(struct web *web, struct web_visitor *visitor) {
    char *text = visitor->text;
    const char *content = http_header(text, "content-length");
    const bool is_post = strncmp(text, "POST /echo ", 11) == 0;
    uint32_t length = 0;
    web->requests++;
    visitor->keep = http_keeps(text);
    if (!http_is_clear(text, visitor->length) || (content && !http_number(content, '\r', &length)) ||
        http_header(text, "transfer-encoding")) {
        /* Nobody knows where the body ends. */
        visitor->keep = false;
        put_answer(visitor, "400 Bad Request", "text/plain", 0, "");
    } else if (content && !is_post) {
        /* A body that nobody wants would be taken for the next request. */
        visitor->keep = false;
        put_answer(visitor, "405 Method Not Allowed", "text/plain", 0, "");
    } else if (content || (strncmp(text, "GET /bytes/", 11) == 0 && http_number(text + 11, ' ', &length))) {
        put_answer(visitor, "200 OK", "application/octet-stream", length, "");
        visitor->next = content ? ECHO_BODY : BYTES;
        visitor->left = length;
        visitor->state = 1;
    } else if (strncmp(text, "GET /resolve/", 13) == 0) {
        /* The answer takes the name's place. */
        text[13 + strcspn(text + 13, " ")] = 0;
        visitor->query = ferrule_resolve(web->device, text + 13);
        visitor->phase = RESOLVE;
    } else if (strncmp(text, "GET / ", 6) == 0) {
        put_answer(visitor, "200 OK", "text/html", sizeof PAGE - 1, PAGE);
    } else if (strncmp(text, "GET /info ", 10) == 0) {
        put_info(web, visitor);
    } else {
        put_answer(visitor, "404 Not Found", "text/plain", 0, "");
    }
}

static enum progress resolve(struct web *web, struct web_visitor *visitor) {
    uint8_t addresses[FERRULE_ADDRESSES_MOST][16];
    int32_t count = visitor->query;
    if (count > 0)
        count = ferrule_addresses(web->device, visitor->query, addresses, FERRULE_ADDRESSES_MOST);
    if (count == FERRULE_STATUS_WOULD_BLOCK)
        return WAITING;
    if (visitor->query > 0)
        ferrule_close(web->device, visitor->query);
    visitor->query = 0;
    put_addresses(visitor, addresses, count);
    return GOING_ON;
}

/** Or a status, when `count` is one. */
static void put_addresses(struct web_visitor *visitor, uint8_t (*addresses)[16], int32_t count) {
    char json[128];
    size_t used = count < 0
                      ? (size_t)snprintf(json, sizeof json, "{\"error\":\"%s\"", ferrule_error_name(count))
                      : (size_t)snprintf(json, sizeof json, "{\"addresses\":[");
    for (int32_t index = 0; index < count; index++) {
        const uint8_t *address = addresses[index];
        used += (size_t)snprintf(json + used, sizeof json - used, "%s\"%u.%u.%u.%u\"", index > 0 ? "," : "",
                                 address[0], address[1], address[2], address[3]);
    }
    used += (size_t)snprintf(json + used, sizeof json - used, "%s}\n", count < 0 ? "" : "]");
    put_answer(visitor, count < 0 ? "502 Bad Gateway" : "200 OK", "application/json", (uint32_t)used, json);
}

static void put_answer(struct web_visitor *visitor, const char *status, const char *type, uint32_t length,
                       const char *body) {
    visitor->length = http_answer(visitor->text, WEB_HEAD_BYTES, status, type, length, visitor->keep, body);
    visitor->sent = 0;
    visitor->phase = ANSWER;
    visitor->next = HEAD;
}

static void put_info(struct web *web, struct web_visitor *visitor) {
    struct ferrule_tcp_info info = {0};
    char about[512] = "", json[800];
    ferrule_tcp_info(web->device, visitor->socket, &info);
    if (web->about)
        web->about(about, sizeof about);
    /* As long as any other answer of this kind: load generators compare lengths. */
    int bytes = snprintf(json, sizeof json,
                         "{\"engine\":\"%s\",\"requests\":%10lu,\"restarts\":%10lu,\"retransmits\":%10lu,"
                         "\"framesIn\":%10lu,\"framesOut\":%10lu,\"rtt8\":%10lu%s}\n",
                         ferrule_engine_name(), (unsigned long)web->requests,
                         (unsigned long)ferrule_restarts(web->device),
                         (unsigned long)ferrule_counter(web->device, FERRULE_COUNTER_TCP_RETRANSMITS),
                         (unsigned long)ferrule_counter(web->device, FERRULE_COUNTER_FRAMES_IN),
                         (unsigned long)ferrule_counter(web->device, FERRULE_COUNTER_FRAMES_OUT),
                         (unsigned long)info.rtt8, about);
    put_answer(visitor, "200 OK", "application/json", (uint32_t)bytes, json);
}
