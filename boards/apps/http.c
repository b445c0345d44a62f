#include "http.h"

#include <stdio.h>
#include <string.h>

/** What follows "name:" in a line; NULL when it is another one. */
static const char *value_of(const char *line, const char *name) {
    size_t length = strlen(name), same = 0;
    while (same < length && (line[same] | 32) == name[same])
        same++;
    return same == length && line[same] == ':' ? line + same + 1 + strspn(line + same + 1, " ") : NULL;
}

/** The line behind `head`, or behind a line; NULL when that is the empty one. */
static const char *next_line(const char *line) {
    const char *end = strstr(line, "\r\n");
    return end && strncmp(end + 2, "\r\n", 2) != 0 ? end + 2 : NULL;
}

const char *http_header(const char *head, const char *name) {
    for (const char *line = next_line(head); line; line = next_line(line)) {
        const char *value = value_of(line, name);
        if (value)
            return value;
    }
    return NULL;
}

bool http_is_clear(const char *head, size_t length) {
    uint32_t lengths = 0;
    for (const char *line = next_line(head); line; line = next_line(line)) {
        size_t name = strcspn(line, ": \t\r");
        if (name == 0 || line[name] != ':')
            return false;
        lengths += value_of(line, "content-length") != NULL;
    }
    return lengths <= 1 && strlen(head) == length;
}

bool http_number(const char *text, char end, uint32_t *number) {
    const char *at = text;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9' && value <= UINT32_MAX; at++)
        value = value * 10 + (uint32_t)(*at - '0');
    *number = (uint32_t)value;
    return at > text && *at == end && value <= UINT32_MAX;
}

bool http_keeps(const char *head) {
    const char *connection = http_header(head, "connection");
    if (strstr(head, " HTTP/1.1\r\n"))
        return !connection || (*connection | 32) != 'c';
    return connection && (*connection | 32) == 'k';
}

uint32_t http_answer(char *text, uint32_t room, const char *status, const char *type, uint32_t length,
                     bool keep, const char *body) {
    int bytes = snprintf(text, room,
                         "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %lu\r\nConnection: %s\r\n\r\n%s",
                         status, type, (unsigned long)length, keep ? "keep-alive" : "close", body);
    return (uint32_t)bytes < room ? (uint32_t)bytes : room - 1;
}
