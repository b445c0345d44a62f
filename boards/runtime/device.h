/* What the files of the runtime share. Not for programs: they have ferrule.h. */
#ifndef FERRULE_DEVICE_H
#define FERRULE_DEVICE_H

#include "engine.h"
#include "ferrule.h"

/** A place in the table of sockets. */
struct ferrule_socket_entry {
    /** The core's handle; 0 when the core has none: a socket that a restart has ended. */
    int32_t handle;
    /** Counts uses of the place, so that an old socket is known. */
    uint16_t uses;
    /** A ferrule_socket_kind; 0 for a free place. */
    uint8_t kind;
    /** A restart ended the socket. */
    bool lost;
    /** Events that were not told yet. */
    uint32_t events;
    /** Lengths of the runs that the last peek and the last reserve found. */
    uint32_t peeked_bytes, reserved_bytes;
    /** For a listener that a restart has to open again. */
    uint32_t backlog;
    uint16_t port;
    /** The core's handle of the query whose address a connection by name waits for, or 0. */
    int32_t query;
    /** Of a datagram socket: a bit for each of the device's groups that it is in. */
    uint8_t groups;
};

/** Calls an export; a trap ends in a restart. Returns what it returned, or RESTARTING. */
int32_t ferrule_device_call(struct ferrule *device, enum ferrule_export which, uint32_t a, uint32_t b,
                            uint32_t c, uint32_t d);

/** `length` bytes of linear memory at `address`; NULL when they do not lie in it, or the core is down. */
uint8_t *ferrule_device_bytes(struct ferrule *device, uint32_t address, uint32_t length);

/** The run of `length` bytes that the last call has found; NULL as above. */
uint8_t *ferrule_device_run(struct ferrule *device, uint32_t length);

/** Finds the place of a socket of this kind that the core knows. OK, or why there is none. */
int32_t ferrule_device_socket(struct ferrule *device, int32_t socket, uint8_t kind,
                              struct ferrule_socket_entry **entry);

/** A socket for a handle of the core, or for a status below 0 the status. The handle goes back when there is
 * no place. */
int32_t ferrule_device_new_socket(struct ferrule *device, int32_t handle, uint8_t kind);

/** The place of a socket, whatever became of its connection; NULL when the program has none such. */
struct ferrule_socket_entry *ferrule_device_entry(struct ferrule *device, int32_t socket);

/** Forgets these events of a socket, as if they had been told. */
void ferrule_device_forget_events(struct ferrule *device, struct ferrule_socket_entry *entry,
                                  uint32_t events);

/** Whether the core has something to send or to tell, as far as that is known without asking it. */
bool ferrule_device_is_busy(const struct ferrule *device);

/** The query goes with the socket, which has just been made: it is given back when the connection is there,
 * or has failed, or is closed. */
void ferrule_device_keep_query(struct ferrule *device, int32_t socket, int32_t query);

#endif
