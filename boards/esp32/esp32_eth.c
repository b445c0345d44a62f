#include "esp32_eth.h"

#include <stdlib.h>
#include <string.h>

#include "esp_event.h"

static esp_err_t take_in(esp_eth_handle_t handle, uint8_t *buffer, uint32_t length, void *context);
static void hear(void *context, esp_event_base_t base, int32_t event, void *data);
static uint32_t receive(void *context, uint8_t *frame, uint32_t room);
static bool has_room(void *context);
static void send_frame(void *context, const uint8_t *frame, uint32_t length);
static bool link_is_up(void *context);
static void set_mac(void *context, const uint8_t mac[6]);
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count);

esp_err_t esp32_eth_open(struct esp32_eth *eth, void (*wake)(void *context), void *context) {
    eth->wake = wake;
    eth->wake_context = context;
    eth->put = eth->taken = 0;
    eth->is_linked = false;
    eth->statistics = (struct ferrule_netdev_statistics){0};
    eth->netdev = (struct ferrule_netdev){.receive = receive,
                                          .has_room = has_room,
                                          .send = send_frame,
                                          .link = link_is_up,
                                          .set_mac = set_mac,
                                          .set_groups = set_groups,
                                          .statistics = &eth->statistics,
                                          .context = eth};
    esp_err_t status = esp_event_loop_create_default();
    if (status != ESP_OK && status != ESP_ERR_INVALID_STATE)
        return status;
    status = esp_event_handler_register(ETH_EVENT, ESP_EVENT_ANY_ID, hear, eth);
    if (status == ESP_OK)
        status = esp_eth_update_input_path(eth->handle, take_in, eth);
    if (status == ESP_OK)
        status = esp_eth_start(eth->handle);
    if (status != ESP_OK)
        esp_event_handler_unregister(ETH_EVENT, ESP_EVENT_ANY_ID, hear);
    return status;
}

void esp32_eth_close(struct esp32_eth *eth) {
    esp_eth_stop(eth->handle);
    esp_event_handler_unregister(ETH_EVENT, ESP_EVENT_ANY_ID, hear);
}

/** By the driver's task, which alone puts in. */
static esp_err_t take_in(esp_eth_handle_t handle, uint8_t *buffer, uint32_t length, void *context) {
    struct esp32_eth *eth = context;
    (void)handle;
    const uint32_t put = eth->put;
    const bool has_room = put - __atomic_load_n(&eth->taken, __ATOMIC_ACQUIRE) < ESP32_ETH_FRAMES;
    if (has_room && length <= ESP32_ETH_BYTES) {
        memcpy(eth->frames[put % ESP32_ETH_FRAMES], buffer, length);
        eth->lengths[put % ESP32_ETH_FRAMES] = length;
        __atomic_store_n(&eth->put, put + 1, __ATOMIC_RELEASE);
    } else if (has_room) {
        eth->statistics.receive_errors++;
    } else {
        eth->statistics.receive_overruns++;
    }
    free(buffer);
    eth->wake(eth->wake_context);
    return ESP_OK;
}

static void hear(void *context, esp_event_base_t base, int32_t event, void *data) {
    struct esp32_eth *eth = context;
    (void)base;
    if (*(const esp_eth_handle_t *)data != eth->handle)
        return;
    if (event == ETHERNET_EVENT_CONNECTED || event == ETHERNET_EVENT_DISCONNECTED ||
        event == ETHERNET_EVENT_STOP)
        __atomic_store_n(&eth->is_linked, event == ETHERNET_EVENT_CONNECTED, __ATOMIC_RELEASE);
    eth->wake(eth->wake_context);
}

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct esp32_eth *eth = context;
    const uint32_t taken = eth->taken;
    if (taken == __atomic_load_n(&eth->put, __ATOMIC_ACQUIRE))
        return 0;
    const uint32_t length = eth->lengths[taken % ESP32_ETH_FRAMES];
    memcpy(frame, eth->frames[taken % ESP32_ETH_FRAMES], length < room ? length : room);
    __atomic_store_n(&eth->taken, taken + 1, __ATOMIC_RELEASE);
    eth->statistics.received++;
    return length;
}

/** ESP-IDF does not tell: what it has no room for, it refuses. */
static bool has_room(void *context) {
    (void)context;
    return true;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct esp32_eth *eth = context;
    /* It copies the frame, and does not write to it, whatever the type says. */
    if (link_is_up(eth) && esp_eth_transmit(eth->handle, (void *)(uintptr_t)frame, length) == ESP_OK)
        eth->statistics.sent++;
    else
        eth->statistics.send_losses++;
}

static bool link_is_up(void *context) {
    const struct esp32_eth *eth = context;
    return __atomic_load_n(&eth->is_linked, __ATOMIC_ACQUIRE);
}

static void set_mac(void *context, const uint8_t mac[6]) {
    struct esp32_eth *eth = context;
    esp_eth_ioctl(eth->handle, ETH_CMD_S_MAC_ADDR, (void *)(uintptr_t)mac);
}

/** All frames while there are groups: not every version of ESP-IDF, and not every MAC, can tell them apart.
 */
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count) {
    struct esp32_eth *eth = context;
    (void)groups;
    bool takes_all = count > 0;
    return esp_eth_ioctl(eth->handle, ETH_CMD_S_PROMISCUOUS, &takes_all) == ESP_OK;
}
