/* On this machine constants are where everything else is. */
#ifndef PGMSPACE_H
#define PGMSPACE_H

#include <string.h>

#define PROGMEM
#define PGM_P const char *
#define PSTR(text) (text)
#define pgm_read_byte(address) (*(const unsigned char *)(address))
#define strcpy_P strcpy
#define strlen_P strlen

#endif
