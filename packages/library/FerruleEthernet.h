/* For sketches: all classes. In C, include "ferrule/ferrule.h", or "ferrule.h" where this library is on the path by itself. */
#include "ferrule/FerruleEthernet.h"
