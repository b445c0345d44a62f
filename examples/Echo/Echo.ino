// Sends back whatever comes in on port 7. Try it with:  nc ADDRESS 7

#include <FerruleEthernet.h>

FerruleServer server(7);

void setup() {
    Serial.begin(115200);
    while (!Ferrule.begin())
        Serial.println("No address yet. Is the cable in?");
    server.begin();
    Serial.print("Echo on ");
    Serial.println(Ferrule.localIP());
}

void loop() {
    uint8_t data[256];
    FerruleClient client = server.available(); // one of those that have sent something
    int length = client.read(data, sizeof data);
    if (length > 0)
        client.write(data, length);
    else
        delay(1);
}
