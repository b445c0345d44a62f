#include "tls_client.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

/** What mbedTLS gets to know of the connection. */
struct connection {
    struct ferrule_net *net;
    int32_t socket;
    int32_t timeout_ms;
};

static int send_bytes(void *context, const unsigned char *data, size_t size) {
    const struct connection *c = context;
    return ferrule_net_write(c->net, c->socket, data, (uint32_t)size, c->timeout_ms);
}

static int receive_bytes(void *context, unsigned char *data, size_t size) {
    const struct connection *c = context;
    return ferrule_net_read(c->net, c->socket, data, (uint32_t)size, c->timeout_ms);
}

/** Sends the request, and hands on the answer. */
static int talk(mbedtls_ssl_context *ssl, const struct tls_request *request) {
    char text[512];
    const int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                                request->path, request->host);
    if (length < 0 || (size_t)length >= sizeof text)
        return FERRULE_STATUS_TOO_LONG;
    int status, sent = 0;
    while (sent < length) {
        if ((status = mbedtls_ssl_write(ssl, (const unsigned char *)text + sent, (size_t)(length - sent))) <
            0)
            return status;
        sent += status;
    }
    while ((status = mbedtls_ssl_read(ssl, (unsigned char *)text, sizeof text)) > 0)
        request->receive(text, (uint32_t)status);
    /* Without the peer's word that this was the end, somebody may have cut off the rest. */
    if (status != MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return status < 0 ? status : MBEDTLS_ERR_SSL_CONN_EOF;
    mbedtls_ssl_close_notify(ssl);
    return 0;
}

int tls_get(const struct tls_request *request) {
    struct connection connection = {.net = request->net, .timeout_ms = request->timeout_ms};
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    mbedtls_x509_crt trusted;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_x509_crt_init(&trusted);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);

    int status = mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0);
    if (status == 0)
        status = mbedtls_x509_crt_parse(&trusted, (const unsigned char *)request->trusted,
                                        strlen(request->trusted) + 1);
    if (status == 0)
        status = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&config, &trusted, NULL);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    if (status == 0)
        status = mbedtls_ssl_setup(&ssl, &config);
    if (status == 0)
        status = mbedtls_ssl_set_hostname(&ssl, request->host);
    if (status == 0)
        status = connection.socket =
            ferrule_net_connect(request->net, request->host, request->port, request->timeout_ms);
    if (status > 0) {
        mbedtls_ssl_set_bio(&ssl, &connection, send_bytes, receive_bytes, NULL);
        status = mbedtls_ssl_handshake(&ssl);
        if (status == 0 && request->secured)
            request->secured(mbedtls_ssl_get_version(&ssl), mbedtls_ssl_get_ciphersuite(&ssl));
        if (status == 0)
            status = talk(&ssl, request);
        ferrule_net_close(request->net, connection.socket);
    }

    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&trusted);
    mbedtls_ctr_drbg_free(&random);
    mbedtls_entropy_free(&entropy);
    return status;
}
