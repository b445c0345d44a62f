#include "FerruleServer.h"

#include "FerruleEthernet.h"

/** Connections that may wait for `available` or `accept`. */
static const uint32_t backlog = 4;

void FerruleServer::begin() {
    begin(_port);
}

void FerruleServer::begin(uint16_t port) {
    if (!Ferrule.net())
        return;
    end();
    if (port != 0)
        _port = port;
    const int32_t status = ferrule_net_listen(Ferrule.net(), _port, backlog);
    _listener = status < 0 ? 0 : status;
}

void FerruleServer::end() {
    for (int32_t &client : _clients) {
        FerruleClient(client).stop();
        client = 0;
    }
    if (_listener > 0 && Ferrule.net())
        ferrule_net_close(Ferrule.net(), _listener);
    _listener = 0;
}

FerruleClient FerruleServer::available() {
    dropEnded();
    takeNew();
    for (uint8_t looked = 0; looked < FERRULE_SERVER_CLIENTS; looked++) {
        FerruleClient client(_clients[_next]);
        _next = (uint8_t)((_next + 1) % FERRULE_SERVER_CLIENTS);
        if (client.available() > 0)
            return client;
    }
    return FerruleClient();
}

FerruleClient FerruleServer::accept() {
    const int32_t status =
        _listener > 0 && Ferrule.net() ? ferrule_net_accept(Ferrule.net(), _listener, 0) : 0;
    return FerruleClient(status < 0 ? 0 : status);
}

size_t FerruleServer::write(uint8_t byte) {
    return write(&byte, 1);
}

size_t FerruleServer::write(const uint8_t *data, size_t size) {
    dropEnded();
    takeNew();
    for (int32_t client : _clients)
        if (client > 0)
            FerruleClient(client).write(data, size);
    return size;
}

/** Takes new connections as long as there are places; the others wait. */
void FerruleServer::takeNew() {
    for (int32_t &client : _clients)
        if (client == 0 && (client = accept().getSocketNumber()) == 0)
            return;
}

/** Ends connections whose peer has ended, once everything was read; forgets those that the sketch stopped. */
void FerruleServer::dropEnded() {
    for (int32_t &socket : _clients) {
        FerruleClient client(socket);
        if (!client || client.connected())
            continue;
        client.stop();
        socket = 0;
    }
}
