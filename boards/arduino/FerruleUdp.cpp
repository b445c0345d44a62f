#include "FerruleUdp.h"

#include <string.h>

#include "FerruleEthernet.h"

/** How long a datagram may wait for room in its socket's queue. */
static const int32_t sendMs = 1000;

uint8_t FerruleUDP::begin(uint16_t port) {
    stop();
    _port = port;
    memset(_group, 0, sizeof _group);
    return open();
}

uint8_t FerruleUDP::beginMulticast(IPAddress ip, uint16_t port) {
    stop();
    _port = port;
    for (int index = 0; index < 4; index++)
        _group[index] = ip[index];
    return open();
}

void FerruleUDP::stop() {
    if (_socket > 0 && Ferrule.net())
        ferrule_net_close(Ferrule.net(), _socket);
    _socket = 0;
    _received = _read = _written = 0;
    _isOpen = _isLost = false;
}

int FerruleUDP::beginPacket(IPAddress ip, uint16_t port) {
    if (!hasSocket() || port == 0)
        return 0;
    for (int index = 0; index < 4; index++)
        _to[index] = ip[index];
    _toPort = port;
    _written = 0;
    _isTooLong = false;
    _isOpen = true;
    return 1;
}

int FerruleUDP::beginPacket(const char *host, uint16_t port) {
    IPAddress ip;
    return hasSocket() && Ferrule.hostByName(host, ip) ? beginPacket(ip, port) : 0;
}

size_t FerruleUDP::write(uint8_t byte) {
    return write(&byte, 1);
}

size_t FerruleUDP::write(const uint8_t *data, size_t size) {
    const size_t room = _isOpen ? sizeof _out - _written : 0;
    if (size > room) {
        _isTooLong = true;
        setWriteError();
        size = room;
    }
    memcpy(_out + _written, data, size);
    _written = (uint16_t)(_written + size);
    return size;
}

int FerruleUDP::endPacket() {
    if (!_isOpen || !Ferrule.net())
        return 0;
    _isOpen = false;
    if (_isTooLong)
        return 0;
    int32_t status = send();
    noteLoss(status);
    if (_isLost && hasSocket())
        status = send();
    return status >= 0;
}

int FerruleUDP::parsePacket() {
    struct ferrule_endpoint source;
    _received = _read = 0;
    const int32_t length = hasSocket() && Ferrule.net()
                               ? ferrule_net_receive_from(Ferrule.net(), _socket, _in, sizeof _in, &source, 0)
                               : 0;
    if (length <= 0) {
        noteLoss(length);
        return 0;
    }
    _received = (uint16_t)(length < (int32_t)sizeof _in ? length : (int32_t)sizeof _in);
    _remoteIP = IPAddress(source.address[0], source.address[1], source.address[2], source.address[3]);
    _remotePort = source.port;
    return _received;
}

int FerruleUDP::read() {
    return _read < _received ? _in[_read++] : -1;
}

int FerruleUDP::read(unsigned char *data, size_t size) {
    const size_t left = (size_t)(_received - _read);
    if (left == 0)
        return -1;
    const size_t length = size < left ? size : left;
    memcpy(data, _in + _read, length);
    _read = (uint16_t)(_read + length);
    return (int)length;
}

int FerruleUDP::peek() {
    return _read < _received ? _in[_read] : -1;
}

uint16_t FerruleUDP::localPort() {
    struct ferrule_endpoint local = {};
    if (_socket > 0 && Ferrule.net())
        ferrule_net_endpoints(Ferrule.net(), _socket, &local, nullptr);
    return local.port;
}

/** Opens a socket as the last `begin` said. */
bool FerruleUDP::open() {
    static const uint8_t none[4] = {};
    if (!Ferrule.net())
        return false;
    int32_t status = ferrule_net_udp_open(Ferrule.net(), _port);
    if (status < 0)
        return false;
    _socket = status;
    status = ferrule_net_set_option(Ferrule.net(), _socket, FERRULE_OPTION_BROADCAST, 1);
    if (status >= 0 && memcmp(_group, none, sizeof none) != 0)
        status = ferrule_net_udp_group(Ferrule.net(), _socket, _group, true);
    if (status >= 0) {
        _isLost = false;
        return true;
    }
    ferrule_net_close(Ferrule.net(), _socket);
    _socket = 0;
    return false;
}

/** Whether there is a socket; takes one in place of a lost one. */
bool FerruleUDP::hasSocket() {
    return _socket > 0 || (_isLost && open());
}

/** The stack says so of sockets that were open when it was restarted. */
void FerruleUDP::noteLoss(int32_t status) {
    if (status != FERRULE_STATUS_CONNECTION_RESET)
        return;
    ferrule_net_close(Ferrule.net(), _socket);
    _socket = 0;
    _isLost = true;
}

int32_t FerruleUDP::send() {
    return ferrule_net_send_to(Ferrule.net(), _socket, _to, _toPort, _out, _written, sendMs);
}
