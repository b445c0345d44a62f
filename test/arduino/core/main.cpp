/* Runs a sketch: PROGRAM INTERFACE, until a signal comes. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "FerruleEthernet.h"
#include "port.h"

static volatile sig_atomic_t isStopping;

static void stop(int) {
    isStopping = 1;
}

int main(int count, char **arguments) {
    const int problem = count == 2 ? port_open(arguments[1]) : -1;
    if (problem != 0) {
        fprintf(stderr, "usage: PROGRAM INTERFACE (%s)\n", problem > 0 ? strerror(problem) : "none");
        return 2;
    }
    signal(SIGINT, stop);
    setup();
    while (!isStopping)
        loop();
    Ferrule.end();
    return 0;
}
