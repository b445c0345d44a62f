/* Statuses and errors in words. */

#include "ferrule.h"

static const struct {
    int32_t status;
    const char *name, *text;
} errors[] = {
    {FERRULE_STATUS_OK, "OK", "success"},
    {FERRULE_STATUS_NOT_SUPPORTED, "NOT_SUPPORTED", "this version does not have what was asked for"},
    {FERRULE_STATUS_INVALID_ARGUMENT, "INVALID_ARGUMENT", "an argument is out of its range"},
    {FERRULE_STATUS_BAD_HANDLE, "BAD_HANDLE", "no such socket, or one that was given back"},
    {FERRULE_STATUS_WOULD_BLOCK, "WOULD_BLOCK", "nothing to do now; an event will say when"},
    {FERRULE_STATUS_NO_MEMORY, "NO_MEMORY", "the configuration needs more memory"},
    {FERRULE_STATUS_NO_SOCKET, "NO_SOCKET", "all sockets are in use: configure more, or close some"},
    {FERRULE_STATUS_ADDRESS_IN_USE, "ADDRESS_IN_USE", "another socket has this port"},
    {FERRULE_STATUS_NOT_CONNECTED, "NOT_CONNECTED", "there is no connection (yet, or any more)"},
    {FERRULE_STATUS_ALREADY_CONNECTED, "ALREADY_CONNECTED", "the socket is bound or connected already"},
    {FERRULE_STATUS_SHUT_DOWN, "SHUT_DOWN", "the sending side was shut down"},
    {FERRULE_STATUS_CONNECTION_REFUSED, "CONNECTION_REFUSED", "the peer answered with a reset"},
    {FERRULE_STATUS_CONNECTION_RESET, "CONNECTION_RESET", "the connection was reset"},
    {FERRULE_STATUS_TIMED_OUT, "TIMED_OUT", "the peer did not answer in time"},
    {FERRULE_STATUS_UNREACHABLE, "UNREACHABLE", "there is no way to the peer"},
    {FERRULE_STATUS_NOT_INITIALISED, "NOT_INITIALISED", "the core was not booted"},
    {FERRULE_STATUS_BAD_CONFIG, "BAD_CONFIG", "a field of the configuration is out of its range"},
    {FERRULE_STATUS_VERSION_MISMATCH, "VERSION_MISMATCH", "the module is of another version"},
    {FERRULE_STATUS_ABORTED, "ABORTED", "the connection was aborted on this side"},
    {FERRULE_STATUS_TOO_LONG, "TOO_LONG", "the datagram is too long"},
    {FERRULE_STATUS_NOT_FOUND, "NOT_FOUND", "the name has no address"},
    {FERRULE_ERROR_RESTARTING, "RESTARTING", "the core has trapped and is restarted soon: poll on"},
    {FERRULE_ERROR_MEMORY, "MEMORY", "the memory of the setup is too small"},
    {FERRULE_ERROR_MODULE, "MODULE", "the engine cannot load the module, or its ABI has another version"},
    {FERRULE_ERROR_CORE, "CORE", "the core said something that cannot be"},
    {FERRULE_ERROR_STOPPED, "STOPPED", "the device was stopped, or has not started"},
};

#define ERRORS (sizeof errors / sizeof errors[0])

const char *ferrule_error_name(int32_t status) {
    for (size_t index = 0; index < ERRORS; index++)
        if (errors[index].status == status)
            return errors[index].name;
    return status > 0 ? "OK" : "UNKNOWN";
}

const char *ferrule_error_text(int32_t status) {
    for (size_t index = 0; index < ERRORS; index++)
        if (errors[index].status == status)
            return errors[index].text;
    return status > 0 ? "success" : "no such status";
}
