/* Fetches a page by examples/tls_client: PROGRAM INTERFACE HOST PORT PATH TRUSTED. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>

#include "port.h"
#include "tls_client.h"

static void receive(const char *data, uint32_t length) {
    fwrite(data, 1, length, stdout);
}

static void say_secured(const char *version, const char *cipher) {
    printf("%s %s\n", version, cipher);
}

int main(int count, char **arguments) {
    static char trusted[16384];
    FILE *file = count == 6 ? fopen(arguments[5], "rb") : NULL;
    if (!file || port_open(arguments[1]) != 0)
        return 2;
    trusted[fread(trusted, 1, sizeof trusted - 1, file)] = '\0';
    fclose(file);
    struct tls_request request = {.host = arguments[2],
                                  .port = (uint16_t)atoi(arguments[3]),
                                  .path = arguments[4],
                                  .trusted = trusted,
                                  .timeout_ms = 5000,
                                  .receive = receive,
                                  .secured = say_secured};
    static const struct ferrule_arduino_address address = {
        .address = {10, 0, 0, 2}, .netmask = {255, 255, 255, 0}, .dns = {10, 0, 0, 1}};
    if (ferrule_arduino_port_start(&request.net, NULL, &address, NULL) < 0)
        return 2;
    const int status = tls_get(&request);
    char text[200];
    mbedtls_strerror(status, text, sizeof text);
    if (status < 0)
        printf("failed: %s\n", status > -128 ? ferrule_error_name(status) : text);
    ferrule_arduino_port_stop();
    return status == 0 ? 0 : 1;
}
