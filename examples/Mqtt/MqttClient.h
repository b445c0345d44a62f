// A small MQTT 3.1.1 client on any Arduino Client: quality of service 0, no user name, messages of 255 bytes.
#pragma once

#include <Arduino.h>
#include <Client.h>

class MqttClient {
  public:
    typedef void (*Handler)(const char *topic, const char *message);

    MqttClient(Client &network, Handler handler) : _network(network), _handler(handler) {}

    // Connects, with `id` as the client's name. False: no server, or it does not want us.
    bool connect(const char *host, uint16_t port, const char *id) {
        if (!_network.connect(host, port))
            return false;
        _network.setTimeout(5000);
        begin(0x10);
        addText("MQTT");
        add(4);    // the version, 3.1.1
        add(0x02); // a clean session
        add(0);
        add(keepAliveSeconds);
        addText(id);
        // Its answer: CONNACK, two bytes, the second is 0 for "accepted".
        if (send() && receive() == 0x20 && _length == 2 && _packet[1] == 0)
            return true;
        _network.stop();
        return false;
    }

    bool connected() { return _network.connected(); }

    bool publish(const char *topic, const char *message) {
        begin(0x30);
        addText(topic);
        while (*message)
            add(*message++);
        return send();
    }

    bool subscribe(const char *topic) {
        begin(0x82);
        add(0);
        add(1); // the number of this request
        addText(topic);
        add(0); // quality of service
        return send();
    }

    // Call it often: it hands out what has arrived, and tells the server that we are alive.
    void loop() {
        if (_network.available() > 0 && (receive() & 0xf0) == 0x30)
            handOut();
        if (connected() && millis() - _sentAt > keepAliveSeconds * 500ul) {
            begin(0xc0); // PINGREQ
            send();
        }
    }

  private:
    static const uint8_t keepAliveSeconds = 30;

    Client &_network;
    Handler _handler;
    unsigned long _sentAt = 0;
    uint8_t _type = 0;
    size_t _length = 0; // of the packet behind its type and length
    uint8_t _packet[256];

    void begin(uint8_t type) {
        _type = type;
        _length = 0;
    }

    void add(uint8_t byte) {
        if (_length < sizeof _packet)
            _packet[_length] = byte;
        _length++;
    }

    void addText(const char *text) {
        add(strlen(text) >> 8);
        add(strlen(text));
        while (*text)
            add(*text++);
    }

    // With its header, in one write.
    bool send() {
        uint8_t data[3 + sizeof _packet];
        size_t used = 0;
        if (_length > sizeof _packet)
            return false;
        data[used++] = _type;
        if (_length > 127) {
            data[used++] = _length | 0x80; // seven bits, and more follow
            data[used++] = _length >> 7;
        } else {
            data[used++] = _length;
        }
        memcpy(data + used, _packet, _length);
        _sentAt = millis();
        return _network.write(data, used + _length) == used + _length;
    }

    // The next packet: its type; 0 when there is none. One that is too long is cut off; one that does not end
    // in time ends the connection, for nobody knows where the next one begins.
    uint8_t receive() {
        uint8_t type, byte;
        uint32_t length = 0;
        int shift = 0;
        _length = 0;
        bool whole = _network.readBytes(&type, 1) == 1;
        do {
            whole = whole && shift < 28 && _network.readBytes(&byte, 1) == 1;
            if (whole)
                length |= (uint32_t)(byte & 0x7f) << shift;
            shift += 7;
        } while (whole && byte > 127);
        for (; whole && length > 0; length--) {
            whole = _network.readBytes(&byte, 1) == 1;
            if (whole && _length < sizeof _packet)
                _packet[_length++] = byte;
        }
        if (!whole)
            _network.stop();
        return whole ? type : 0;
    }

    // A PUBLISH: the topic with its length before it, then the message.
    void handOut() {
        char topic[sizeof _packet + 1], message[sizeof _packet + 1];
        size_t split = _length < 2 ? 0 : 2u + (_packet[0] << 8 | _packet[1]);
        if (split < 2 || split > _length)
            return;
        memcpy(topic, _packet + 2, split - 2);
        topic[split - 2] = '\0';
        memcpy(message, _packet + split, _length - split);
        message[_length - split] = '\0';
        _handler(topic, message);
    }
};
