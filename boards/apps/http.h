/* What a small web server needs of HTTP/1.1 (RFC 9112): reading the head of a request, writing that of an
 * answer. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What follows "name:" in the head of a request, a string that ends with an empty line; NULL when there is
 * no such line. `name` in lower case. */
const char *http_header(const char *head, const char *name);

/** Whether everybody would read the same out of the head of `length` bytes: each line a name and a colon, no
 * octet that ends a string, and one length of the body at most. RFC 9112 sections 5.1, 5.2 and 6.3. */
bool http_is_clear(const char *head, size_t length);

/** Reads digits up to `end`: false for anything else, and for what 32 bits do not hold. */
bool http_number(const char *text, char end, uint32_t *number);

/** Whether the connection is for more requests after this one: RFC 9112 section 9.3. */
bool http_keeps(const char *head);

/**
 * Writes an answer's head, and `body` behind it, to `text`, `room` bytes at most with a zero behind.
 * `length`: of the whole body, which may follow. Returns how many bytes.
 */
uint32_t http_answer(char *text, uint32_t room, const char *status, const char *type, uint32_t length,
                     bool keep, const char *body);

#endif
