/* For sketches: all classes. In C, include "ferrule/ferrule.h". */
#if defined(ARDUINO) && defined(__cplusplus)
#include "ferrule/FerruleArduino.h"
#endif
