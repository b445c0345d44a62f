/* A DHCP server that leases 10.0.0.1 to whoever asks, RFC 2131, as far as one client needs it. */
#ifndef DHCP_SERVER_H
#define DHCP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

/** Bytes of its frames. */
#define DHCP_ANSWER_BYTES 330

/** Answers a client's message, to everybody; `mtu` is what it says of the network. False when the frame is
 * none. */
bool dhcp_answer(const uint8_t *asked, uint32_t length, uint16_t mtu, uint8_t frame[DHCP_ANSWER_BYTES]);

#endif
