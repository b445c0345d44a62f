/*
 * The board's address by DHCP (RFC 2131), said on the console:
 *
 *     address 10.0.2.15/24 router 10.0.2.2 dns 10.0.2.3 lease 86400 s     taken, renewed, or another
 *     address 169.254.7.9/16 link-local                                   when nobody leases one
 *     address lost
 */
#ifndef NETWORK_H
#define NETWORK_H

#include "ferrule.h"

/** What a configuration needs for DHCP and for names. */
void network_configure(struct ferrule_config *config);

/** Starts the DHCP client. `host_name`, which must stay: what servers are told. `link_local`: takes an
 * address of RFC 3927 while no server answers. `say` puts both texts on a line of the console. OK or why not.
 */
int32_t network_start(struct ferrule *device, const char *host_name, bool link_local,
                      void (*say)(const char *text, const char *more));

/** Hears events; those of other sockets do nothing. */
void network_hear(int32_t socket, uint32_t events);

#endif
