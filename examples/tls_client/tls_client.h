/* HTTPS with mbedTLS over ferrule_net.h. */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include "ferrule_net.h"

/** The TLS handshake makes RSA and curve numbers: give the thread that calls this a stack of 12 KB or more.
 */
struct tls_request {
    struct ferrule_net *net;
    /** A name, which must be the certificate's, too. */
    const char *host;
    uint16_t port;
    const char *path;
    /** Certificates of those whom we trust, PEM. */
    const char *trusted;
    /** For each wait. */
    int32_t timeout_ms;
    /** Gets the answer as it comes, headers included. */
    void (*receive)(const char *data, uint32_t length);
    /** Hears what was agreed on: "TLSv1.2", "TLS-ECDHE-...". May be NULL. */
    void (*secured)(const char *version, const char *cipher);
};

/** Fetches https://host:port/path. Returns 0 after the answer's end, or an error of Ferrule or of mbedTLS,
 * both below 0. */
int tls_get(const struct tls_request *request);

#endif
