/* Datagrams, as Arduino's UDP. */
#ifndef FERRULE_UDP_H
#define FERRULE_UDP_H

#include <Arduino.h>
#include <IPAddress.h>
#include <Udp.h>

/** Longest datagram, each way: what one Ethernet frame holds. Each FerruleUDP has two such buffers. Smaller
 * saves RAM; the rest of a longer datagram is lost. A build flag: the same in all files. */
#ifndef FERRULE_UDP_BYTES
#define FERRULE_UDP_BYTES 1472
#endif

/** A socket outlives a restart of the stack (ferrule.h): what it was then on its way is lost. */
class FerruleUDP : public UDP {
  public:
    /** Opens a socket on `port`; 0: one that the stack chooses. Returns 1, or 0: there is none left. */
    uint8_t begin(uint16_t port);
    /** The same, and joins the group `ip`. */
    uint8_t beginMulticast(IPAddress ip, uint16_t port);
    void stop();

    /** Begin a datagram. Return 1, or 0: there is no such host, or no socket. */
    int beginPacket(IPAddress ip, uint16_t port);
    int beginPacket(const char *host, uint16_t port);
    /** Add to it. Return how many bytes had room. */
    size_t write(uint8_t byte);
    size_t write(const uint8_t *data, size_t size);
    using Print::write;
    /** Sends it. Returns 1, or 0: it was not sent, or not everything had room. */
    int endPacket();

    /** Takes the next datagram, without waiting; what was not read of the one before is gone. Returns its
     * length, or 0 when there is none. */
    int parsePacket();
    /** Bytes of it that were not read yet. */
    int available() { return (int)(_received - _read); }
    /** The next byte, or at most `size` bytes of it; -1 when there are none. */
    int read();
    int read(unsigned char *data, size_t size);
    int read(char *data, size_t size) { return read((unsigned char *)data, size); }
    int peek();
    /** Does nothing, as in the Ethernet library: `endPacket` has sent it. */
    void flush() {}

    /** Where the datagram came from. */
    IPAddress remoteIP() { return _remoteIP; }
    uint16_t remotePort() { return _remotePort; }
    uint16_t localPort();

  private:
    int32_t _socket = 0;
    /** What it was opened with; a group of zeros: none. */
    uint16_t _port = 0;
    uint8_t _group[4] = {};
    IPAddress _remoteIP;
    uint16_t _remotePort = 0;
    uint8_t _to[4] = {};
    uint16_t _toPort = 0;
    uint16_t _received = 0, _read = 0, _written = 0;
    /** The stack was restarted, and has not taken the socket again yet. */
    bool _isLost = false;
    bool _isOpen = false, _isTooLong = false;
    uint8_t _in[FERRULE_UDP_BYTES];
    uint8_t _out[FERRULE_UDP_BYTES];

    bool open();
    bool hasSocket();
    void noteLoss(int32_t status);
    int32_t send();
};

#endif
