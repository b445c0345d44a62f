#include "FerruleClient.h"

#include <stdio.h>

#include "FerruleEthernet.h"

int FerruleClient::connect(IPAddress ip, uint16_t port) {
    return connect(ip, port, _timeout);
}

int FerruleClient::connect(const char *host, uint16_t port) {
    return connect(host, port, _timeout);
}

int FerruleClient::connect(IPAddress ip, uint16_t port, int32_t timeout) {
    char host[16];
    snprintf(host, sizeof host, "%u.%u.%u.%u", (unsigned)ip[0], (unsigned)ip[1], (unsigned)ip[2],
             (unsigned)ip[3]);
    return connect(host, port, timeout);
}

int FerruleClient::connect(const char *host, uint16_t port, int32_t timeout) {
    stop();
    clearWriteError();
    int32_t status = FERRULE_STATUS_INVALID_ARGUMENT;
    if (!Ferrule.net())
        status = FERRULE_ERROR_STOPPED;
    else if (host)
        status = ferrule_net_connect(Ferrule.net(), host, port, timeout);
    if (status < 0) {
        _error = status;
        return 0;
    }
    _error = FERRULE_STATUS_OK;
    _socket = status;
    return 1;
}

size_t FerruleClient::write(uint8_t byte) {
    return write(&byte, 1);
}

size_t FerruleClient::write(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    if (size > INT32_MAX)
        size = INT32_MAX;
    int32_t status = FERRULE_STATUS_NOT_CONNECTED;
    if (_socket > 0 && Ferrule.net())
        status = ferrule_net_write(Ferrule.net(), _socket, data, (uint32_t)size, _timeout);
    if (status == (int32_t)size)
        return size;
    setWriteError();
    _error = status;
    if (status < 0)
        return 0;
    _error = FERRULE_STATUS_TIMED_OUT;
    return (size_t)status;
}

int FerruleClient::availableForWrite() {
    const int32_t room = _socket > 0 && Ferrule.net() ? ferrule_net_room(Ferrule.net(), _socket) : 0;
    return room < 0 ? 0 : (int)room;
}

int FerruleClient::available() {
    const int32_t bytes = _socket > 0 && Ferrule.net() ? ferrule_net_available(Ferrule.net(), _socket) : 0;
    return bytes < 0 ? 0 : (int)bytes;
}

int FerruleClient::read() {
    uint8_t byte;
    return read(&byte, 1) > 0 ? byte : -1;
}

int FerruleClient::read(uint8_t *data, size_t size) {
    if (_socket <= 0 || size == 0 || !Ferrule.net())
        return 0;
    if (size > INT32_MAX)
        size = INT32_MAX;
    const int32_t status = ferrule_net_read(Ferrule.net(), _socket, data, (uint32_t)size, 0);
    /* A connection that was given up says so, too. */
    if (status == FERRULE_STATUS_TIMED_OUT && connected())
        return -1;
    return status < 0 ? 0 : (int)status;
}

int FerruleClient::peek() {
    const int32_t byte = _socket > 0 && Ferrule.net() ? ferrule_net_peek(Ferrule.net(), _socket) : -1;
    return byte < 0 ? -1 : (int)byte;
}

void FerruleClient::flush() {
    if (_socket > 0 && Ferrule.net())
        ferrule_net_flush(Ferrule.net(), _socket, _timeout);
}

void FerruleClient::stop() {
    if (_socket > 0 && Ferrule.net())
        ferrule_net_close(Ferrule.net(), _socket);
    _socket = 0;
}

uint8_t FerruleClient::connected() {
    return _socket > 0 && Ferrule.net() && ferrule_net_is_open(Ferrule.net(), _socket) > 0;
}

/** One end of a connection; zeros when there is none. */
static struct ferrule_endpoint endpointOf(int32_t socket, bool isPeer) {
    struct ferrule_endpoint end = {};
    if (socket > 0 && Ferrule.net())
        ferrule_net_endpoints(Ferrule.net(), socket, isPeer ? nullptr : &end, isPeer ? &end : nullptr);
    return end;
}

static IPAddress ipOf(const struct ferrule_endpoint &end) {
    return IPAddress(end.address[0], end.address[1], end.address[2], end.address[3]);
}

IPAddress FerruleClient::localIP() {
    return ipOf(endpointOf(_socket, false));
}

uint16_t FerruleClient::localPort() {
    return endpointOf(_socket, false).port;
}

IPAddress FerruleClient::remoteIP() {
    return ipOf(endpointOf(_socket, true));
}

uint16_t FerruleClient::remotePort() {
    return endpointOf(_socket, true).port;
}

void FerruleClient::setConnectionTimeout(uint32_t milliseconds) {
    _timeout = milliseconds > INT32_MAX ? INT32_MAX : (int32_t)milliseconds;
}

void FerruleClient::setNoDelay(bool noDelay) {
    if (_socket > 0 && Ferrule.net())
        ferrule_net_set_option(Ferrule.net(), _socket, FERRULE_OPTION_NO_DELAY, noDelay);
}
