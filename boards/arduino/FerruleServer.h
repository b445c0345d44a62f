/* A TCP server, as Arduino's Server. */
#ifndef FERRULE_SERVER_H
#define FERRULE_SERVER_H

#include <Server.h>

#include "FerruleClient.h"

/** Most connections that a server knows at a time, those given out by `accept` not counted. */
#ifndef FERRULE_SERVER_CLIENTS
#define FERRULE_SERVER_CLIENTS 8
#endif

class FerruleServer : public Server {
  public:
    explicit FerruleServer(uint16_t port) : _port(port) {}

    /** Listens; after Ferrule.begin. */
    void begin();
    /** The same on another port; 0 is the constructor's. */
    void begin(uint16_t port);
    /** Listens no more, and ends the connections that it knows. */
    void end();

    /** A connection that has data to be read: one after the other, when there are several. It stays with the
     * server, which tells it again when there is more, and ends it after the peer's end. */
    FerruleClient available();
    /** A new connection, which the server then forgets. */
    FerruleClient accept();

    /** To all connections that the server knows. Return `size`. */
    size_t write(uint8_t byte);
    size_t write(const uint8_t *data, size_t size);
    using Print::write;

    /** Whether it listens. */
    operator bool() { return _listener > 0; }

  private:
    uint16_t _port;
    int32_t _listener = 0;
    int32_t _clients[FERRULE_SERVER_CLIENTS] = {};
    /** Where the next look for data begins. */
    uint8_t _next = 0;

    void takeNew();
    void dropEnded();
};

#endif
