#include "FerruleEthernet.h"

#include <string.h>

FerruleClass Ferrule;

namespace {

const uint8_t none[4] = {0, 0, 0, 0};
/** RFC 3927. */
const uint8_t linkLocalMask[4] = {255, 255, 0, 0};

void copy(uint8_t to[4], const uint8_t from[4]) {
    memcpy(to, from, 4);
}

void copy(uint8_t to[4], const IPAddress &from) {
    for (int index = 0; index < 4; index++)
        to[index] = from[index];
}

IPAddress ipOf(const uint8_t octets[4]) {
    return IPAddress(octets[0], octets[1], octets[2], octets[3]);
}

IPAddress withLastOctetOne(IPAddress ip) {
    ip[3] = 1;
    return ip;
}

int32_t waitMs(unsigned long milliseconds) {
    return milliseconds > INT32_MAX ? INT32_MAX : (int32_t)milliseconds;
}

/** Work for ferrule_net_call. */
int32_t askLink(struct ferrule *device, void *) {
    const struct ferrule_netdev *netdev = device->setup->netdev;
    if (!netdev->link)
        return FerruleLinkUnknown;
    return netdev->link(netdev->context) ? FerruleLinkON : FerruleLinkOFF;
}

int32_t copyMac(struct ferrule *device, void *context) {
    memcpy(context, device->setup->config.mac, 6);
    return FERRULE_STATUS_OK;
}

} // namespace

int FerruleClass::begin(const uint8_t *mac, unsigned long timeout, unsigned long) {
    if (isRunning() && _isStatic)
        end();
    if (!isRunning()) {
        const int32_t status = ferrule_arduino_port_start(&_net, mac, nullptr, _hostName);
        if (status < 0) {
            _net = nullptr;
            return fail(status);
        }
    }
    const int32_t status = ferrule_net_wait_address(_net, nullptr, waitMs(timeout));
    if (status < 0)
        return fail(status);
    copy(_address.address, current().address);
    return 1;
}

int FerruleClass::begin(const uint8_t *mac, IPAddress ip) {
    return begin(mac, ip, withLastOctetOne(ip));
}

int FerruleClass::begin(const uint8_t *mac, IPAddress ip, IPAddress dns) {
    return begin(mac, ip, dns, withLastOctetOne(ip));
}

int FerruleClass::begin(const uint8_t *mac, IPAddress ip, IPAddress dns, IPAddress gateway) {
    return begin(mac, ip, dns, gateway, IPAddress(255, 255, 255, 0));
}

int FerruleClass::begin(const uint8_t *mac, IPAddress ip, IPAddress dns, IPAddress gateway,
                        IPAddress subnet) {
    end();
    copy(_address.address, ip);
    copy(_address.netmask, subnet);
    copy(_address.gateway, gateway);
    copy(_address.dns, dns);
    const int32_t status = ferrule_arduino_port_start(&_net, mac, &_address, nullptr);
    if (status < 0) {
        _net = nullptr;
        return fail(status);
    }
    _isStatic = true;
    return 1;
}

void FerruleClass::end() {
    if (!isRunning())
        return;
    ferrule_arduino_port_stop();
    _net = nullptr;
    _isStatic = false;
    memset(&_address, 0, sizeof _address);
}

int FerruleClass::maintain() {
    if (!isRunning() || _isStatic)
        return 0;
    const struct ferrule_arduino_address now = current();
    if (memcmp(now.address, _address.address, 4) == 0)
        return 0;
    copy(_address.address, now.address);
    return memcmp(now.address, none, 4) == 0 ? 1 : 2;
}

FerruleLinkStatus FerruleClass::linkStatus() {
    const int32_t status = isRunning() ? ferrule_net_call(_net, askLink, nullptr) : 0;
    return status < 0 ? FerruleLinkUnknown : (FerruleLinkStatus)status;
}

IPAddress FerruleClass::localIP() {
    return ipOf(current().address);
}

IPAddress FerruleClass::subnetMask() {
    return ipOf(current().netmask);
}

IPAddress FerruleClass::gatewayIP() {
    return ipOf(current().gateway);
}

IPAddress FerruleClass::dnsServerIP() {
    return ipOf(current().dns);
}

void FerruleClass::MACAddress(uint8_t *mac) {
    memset(mac, 0, 6);
    if (isRunning())
        ferrule_net_call(_net, copyMac, mac);
}

int FerruleClass::hostByName(const char *host, IPAddress &address, unsigned long timeout) {
    uint8_t octets[4];
    if (!isRunning())
        return fail(FERRULE_ERROR_STOPPED);
    if (!host)
        return fail(FERRULE_STATUS_INVALID_ARGUMENT);
    const int32_t status = ferrule_net_resolve(_net, host, octets, waitMs(timeout));
    if (status < 0)
        return fail(status);
    address = ipOf(octets);
    return 1;
}

int FerruleClass::fail(int32_t error) {
    _error = error;
    return 0;
}

/** What the device has now. */
struct ferrule_arduino_address FerruleClass::current() {
    struct ferrule_arduino_address now = {};
    struct ferrule_lease lease;
    if (_isStatic)
        return _address;
    if (!isRunning() || ferrule_net_wait_address(_net, &lease, 0) < 0)
        return now;
    const bool isLeased = lease.state >= FERRULE_DHCP_STATE_BOUND;
    copy(now.address, isLeased ? lease.address : lease.link_local);
    copy(now.netmask, isLeased ? lease.netmask : linkLocalMask);
    if (isLeased) {
        copy(now.gateway, lease.router);
        copy(now.dns, lease.dns_server0);
    }
    return now;
}
