#include "http.h"

#include <stdio.h>
#include <string.h>

const char *http_header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
        const char *at = line + 2;
        size_t same = 0;
        while (same < length && (at[same] | 32) == name[same])
            same++;
        if (same == length && at[same] == ':')
            return at + same + 1 + strspn(at + same + 1, " ");
    }
    return NULL;
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
