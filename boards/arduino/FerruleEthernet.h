/*
 * Ferrule in Arduino sketches: Ferrule.begin(...), FerruleClient, FerruleServer and FerruleUDP, in the manner
 * of Arduino's Ethernet library. docs/arduino.md tells where they differ from it.
 *
 *     #include <FerruleEthernet.h>
 *
 *     FerruleServer server(80);
 *
 *     void setup() {
 *         while (!Ferrule.begin())
 *             Serial.println("no address yet");
 *         server.begin();
 *     }
 */
#ifndef FERRULE_ETHERNET_H
#define FERRULE_ETHERNET_H

#include "FerruleClient.h"
#include "FerruleServer.h"
#include "FerruleUdp.h"
#include "ferrule_arduino_port.h"

enum FerruleLinkStatus { FerruleLinkUnknown, FerruleLinkON, FerruleLinkOFF };

class FerruleClass {
  public:
    /**
     * Starts the device with an address from a DHCP server, and waits for it, `timeout` milliseconds at most.
     * `mac`: six octets, NULL for the board's own. Returns 1, or 0: then the search goes on in the
     * background, and `begin` may be called again to wait for longer. `responseTimeout` is there for sketches
     * that pass it; the stack knows how long to wait for an answer.
     */
    int begin(const uint8_t *mac = nullptr, unsigned long timeout = 60000,
              unsigned long responseTimeout = 4000);

    /** Starts the device with a fixed address. What is left out is as in the Ethernet library: DNS server and
     * gateway are x.x.x.1, the mask is 255.255.255.0. Returns 1, or 0: see `error`. */
    int begin(const uint8_t *mac, IPAddress ip);
    int begin(const uint8_t *mac, IPAddress ip, IPAddress dns);
    int begin(const uint8_t *mac, IPAddress ip, IPAddress dns, IPAddress gateway);
    int begin(const uint8_t *mac, IPAddress ip, IPAddress dns, IPAddress gateway, IPAddress subnet);

    /** Ends the device: connections end without a word. */
    void end();

    /** What DHCP servers are told, before `begin`; the text must stay. */
    void setHostname(const char *name) { _hostName = name; }

    /** 0: nothing new; 1: the address was lost; 2: there is another one than at the last call. Leases are
     * renewed without it. */
    int maintain();

    FerruleLinkStatus linkStatus();

    /** 0.0.0.0 when there is none. */
    IPAddress localIP();
    IPAddress subnetMask();
    IPAddress gatewayIP();
    IPAddress dnsServerIP();

    /** Puts six octets at `mac`; zeros before `begin`. */
    void MACAddress(uint8_t *mac);

    /** Finds a host's address: its name, or "10.0.0.2". Returns 1, or 0: there is none, or nobody has
     * answered after `timeout` milliseconds. */
    int hostByName(const char *host, IPAddress &address, unsigned long timeout = 10000);

    /** Why `begin` or `hostByName` returned 0 last: for ferrule_error_text. */
    int32_t error() const { return _error; }

    /** The device, for the functions of ferrule_net.h; NULL before `begin`. */
    struct ferrule_net *net() {
        return _net;
    }

  private:
    struct ferrule_net *_net = nullptr;
    const char *_hostName = nullptr;
    bool _isStatic = false;
    /** With a fixed address: all of it. Else what `maintain` saw last, its address only. */
    struct ferrule_arduino_address _address = {};
    int32_t _error = FERRULE_STATUS_OK;

    bool isRunning() const { return _net != nullptr; }
    int fail(int32_t error);
    struct ferrule_arduino_address current();
};

extern FerruleClass Ferrule;

#endif
