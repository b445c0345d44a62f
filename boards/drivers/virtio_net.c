#include "virtio_net.h"

#include <string.h>

#include "virtio_regs.h"

/** How soon to try again to set up a device that failed, in milliseconds. */
#define RETRY_MS 100u

/** No look by itself is needed. */
#define NEVER_MS UINT32_MAX

#define ALL_SENDING ((1u << VIRTIO_NET_SEND_BUFFERS) - 1)

static uint32_t receive(void *context, uint8_t *frame, uint32_t room);
static bool has_room(void *context);
static void send_frame(void *context, const uint8_t *frame, uint32_t length);
static bool is_up(void *context);
static uint32_t due_ms(void *context);
static bool set_up(struct virtio_net *net);
static void restart(struct virtio_net *net);
static void find_nonsense(struct virtio_net *net);
static void read_link(struct virtio_net *net);
static void take_sent(struct virtio_net *net);

void virtio_net_start(struct virtio_net *net, volatile uint32_t *registers, uint8_t mac[6]) {
    memset(net, 0, sizeof *net);
    net->registers = registers;
    net->netdev = (struct ferrule_netdev){.receive = receive,
                                          .has_room = has_room,
                                          .send = send_frame,
                                          .link = is_up,
                                          .due_ms = due_ms,
                                          .statistics = &net->statistics,
                                          .context = net};
    net->runs = set_up(net);
    if (net->runs && (net->features & VIRTIO_NET_FEATURE_MAC) != 0)
        for (uint32_t index = 0; index < 6; index++)
            mac[index] = ((const volatile uint8_t *)&registers[VIRTIO_CONFIG])[VIRTIO_NET_CONFIG_MAC + index];
}

bool virtio_net_waits(struct virtio_net *net) {
    uint32_t status = net->registers[VIRTIO_INTERRUPT_STATUS];
    /* Acknowledged before the look: what comes after the look interrupts again. */
    if ((status & VIRTIO_INTERRUPT_USED) != 0)
        net->registers[VIRTIO_INTERRUPT_ACKNOWLEDGE] = VIRTIO_INTERRUPT_USED;
    __sync_synchronize();
    return net->runs && ((status & VIRTIO_INTERRUPT_CONFIG) != 0 || virtio_has_used(&net->received));
}

/** Section 5.1.6.4. */
static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct virtio_net *net = context;
    uint16_t descriptor;
    uint32_t bytes;
    if (!net->runs) {
        restart(net);
        return 0;
    }
    enum virtio_found found = virtio_take(&net->received, &descriptor, &bytes);
    if (found == VIRTIO_NOTHING)
        return 0;
    if (found == VIRTIO_NONSENSE || bytes <= VIRTIO_NET_HEADER_BYTES ||
        bytes > VIRTIO_NET_HEADER_BYTES + VIRTIO_NET_FRAME_BYTES) {
        find_nonsense(net);
        return 0;
    }
    uint32_t length = bytes - VIRTIO_NET_HEADER_BYTES;
    memcpy(frame, net->receive_buffers[descriptor].frame, length < room ? length : room);
    virtio_give(&net->received, descriptor);
    virtio_notify(net->registers, VIRTIO_NET_QUEUE_RECEIVE);
    net->statistics.received++;
    return length;
}

static bool has_room(void *context) {
    struct virtio_net *net = context;
    if (!net->runs || !net->link_is_up)
        return true;
    if (net->sending != ALL_SENDING)
        return true;
    take_sent(net);
    if (net->sending != ALL_SENDING)
        return true;
    /* Whoever waits for room is to be woken; it may have come just before. */
    *(volatile uint16_t *)&net->sent.available.flags = 0;
    __sync_synchronize();
    take_sent(net);
    return net->sending != ALL_SENDING;
}

/** Section 5.1.6.2. */
static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct virtio_net *net = context;
    uint16_t index = 0;
    bool has_buffer = has_room(net);
    if (!has_buffer || !net->runs || !net->link_is_up || length > VIRTIO_NET_FRAME_BYTES) {
        net->statistics.send_losses++;
        return;
    }
    while ((net->sending & 1u << index) != 0)
        index++;
    memcpy(net->send_buffers[index].frame, frame, length);
    net->sent.descriptors[index].bytes = VIRTIO_NET_HEADER_BYTES + length;
    net->sending |= 1u << index;
    *(volatile uint16_t *)&net->sent.available.flags = VIRTIO_AVAILABLE_NO_INTERRUPT;
    virtio_give(&net->sent, index);
    virtio_notify(net->registers, VIRTIO_NET_QUEUE_SEND);
    net->statistics.sent++;
}

static bool is_up(void *context) {
    struct virtio_net *net = context;
    if (!net->runs)
        return false;
    if ((net->registers[VIRTIO_INTERRUPT_STATUS] & VIRTIO_INTERRUPT_CONFIG) != 0) {
        net->registers[VIRTIO_INTERRUPT_ACKNOWLEDGE] = VIRTIO_INTERRUPT_CONFIG;
        if ((net->registers[VIRTIO_STATUS] & VIRTIO_STATUS_NEEDS_RESET) != 0)
            restart(net);
        else
            read_link(net);
    }
    return net->runs && net->link_is_up;
}

static uint32_t due_ms(void *context) {
    struct virtio_net *net = context;
    if (!net->runs)
        return RETRY_MS;
    return virtio_net_waits(net) ? 0 : NEVER_MS;
}

/** Sections 3.1.1 and 5.1.5. False when the device cannot be had. */
static bool set_up(struct virtio_net *net) {
    volatile uint32_t *registers = net->registers;
    const uint32_t wanted = VIRTIO_NET_FEATURE_MAC | VIRTIO_NET_FEATURE_STATUS;
    if (!virtio_set_up(registers, wanted, &net->features) ||
        !virtio_set_queue(registers, VIRTIO_NET_QUEUE_RECEIVE, &net->received) ||
        !virtio_set_queue(registers, VIRTIO_NET_QUEUE_SEND, &net->sent))
        return false;
    for (uint16_t index = 0; index < VIRTIO_ENTRIES; index++) {
        net->received.descriptors[index] = (struct virtio_descriptor){
            .address = (uintptr_t)net->receive_buffers[index].header,
            .bytes = VIRTIO_NET_HEADER_BYTES + VIRTIO_NET_FRAME_BYTES,
            .flags = VIRTIO_DESCRIPTOR_DEVICE_WRITES,
        };
        virtio_give(&net->received, index);
    }
    for (uint16_t index = 0; index < VIRTIO_NET_SEND_BUFFERS; index++) {
        memset(net->send_buffers[index].header, 0, VIRTIO_NET_HEADER_BYTES);
        net->sent.descriptors[index].address = (uintptr_t)net->send_buffers[index].header;
    }
    net->sending = 0;
    virtio_go(registers);
    virtio_notify(registers, VIRTIO_NET_QUEUE_RECEIVE);
    read_link(net);
    return true;
}

static void restart(struct virtio_net *net) {
    net->statistics.restarts++;
    net->runs = set_up(net);
}

/** The device is wrong about its queues: nothing that it says of them can be used any more. */
static void find_nonsense(struct virtio_net *net) {
    net->statistics.nonsense++;
    restart(net);
}

static void read_link(struct virtio_net *net) {
    const volatile uint8_t *config = (const volatile uint8_t *)&net->registers[VIRTIO_CONFIG];
    net->link_is_up = (net->features & VIRTIO_NET_FEATURE_STATUS) == 0 ||
                      (config[VIRTIO_NET_CONFIG_STATUS] & VIRTIO_NET_STATUS_LINK_UP) != 0;
}

/** Takes back the buffers whose frames the device has sent. */
static void take_sent(struct virtio_net *net) {
    for (uint32_t turn = 0; turn < VIRTIO_ENTRIES; turn++) {
        uint16_t descriptor;
        uint32_t bytes;
        enum virtio_found found = virtio_take(&net->sent, &descriptor, &bytes);
        if (found == VIRTIO_NOTHING)
            return;
        if (found == VIRTIO_NONSENSE || (net->sending & 1u << descriptor) == 0) {
            find_nonsense(net);
            return;
        }
        net->sending &= ~(1u << descriptor);
    }
}
