/* A TCP connection, as Arduino's Client. */
#ifndef FERRULE_CLIENT_H
#define FERRULE_CLIENT_H

#include <Arduino.h>
#include <Client.h>
#include <IPAddress.h>

/**
 * A small value that names a connection. Copies name the same one, as with EthernetClient: nobody counts
 * them, and the connection is there until one of them calls `stop`; after that the others are at their end.
 * A destructor closes nothing.
 */
class FerruleClient : public Client {
  public:
    FerruleClient() {}
    /** The connection `socket`, a socket of ferrule_net.h. */
    explicit FerruleClient(int32_t socket) : _socket(socket) {}

    /** Connect within the time of `setConnectionTimeout`, or within `timeout` milliseconds; a connection that
     * was open is stopped before. Return 1, or 0: see `error`. */
    int connect(IPAddress ip, uint16_t port);
    int connect(const char *host, uint16_t port);
    int connect(IPAddress ip, uint16_t port, int32_t timeout);
    int connect(const char *host, uint16_t port, int32_t timeout);

    /** Write all of it, and wait for room as long as `setConnectionTimeout` says. Return how many bytes were
     * taken; with fewer than `size` there is a write error. */
    size_t write(uint8_t byte);
    size_t write(const uint8_t *data, size_t size);
    using Print::write;
    /** Bytes that can be written without waiting. */
    int availableForWrite();

    /** Bytes that can be read. */
    int available();
    /** The next byte; -1 when there is none now. */
    int read();
    /** Reads at most `size` bytes; does not wait. Returns how many; -1 when there are none yet; 0 after the
     * end. */
    int read(uint8_t *data, size_t size);
    /** The next byte, which stays; -1 when there is none now. */
    int peek();

    /** Waits until the peer has everything that was written, as long as `setConnectionTimeout` says. */
    void flush();
    /** Ends the connection; does not wait. What was written is still delivered. */
    void stop();
    /** 1 while the peer may still send, or data is there to be read. */
    uint8_t connected();
    /** True from a successful `connect`, or from the server, until `stop`. */
    operator bool() { return _socket > 0; }
    bool operator==(const FerruleClient &other) const { return _socket > 0 && _socket == other._socket; }
    bool operator!=(const FerruleClient &other) const { return !(*this == other); }

    IPAddress localIP();
    uint16_t localPort();
    IPAddress remoteIP();
    uint16_t remotePort();

    /** In milliseconds; 5,000 at first. Copies made afterwards have it, too. */
    void setConnectionTimeout(uint32_t milliseconds);
    /** True: small writes are sent at once, also while others are not acknowledged (Nagle's algorithm is
     * off). */
    void setNoDelay(bool noDelay);

    /** Why the last `connect` or `write` failed: for ferrule_error_text. */
    int32_t error() const { return _error; }
    /** The socket of ferrule_net.h; 0 for none. */
    int32_t getSocketNumber() const { return _socket; }

  private:
    int32_t _socket = 0;
    int32_t _timeout = 5000;
    int32_t _error = 0;
};

#endif
