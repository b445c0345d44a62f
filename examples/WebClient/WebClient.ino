// Fetches a page once a minute, from a host by its name, and prints it.

#include <FerruleEthernet.h>

const char host[] = "example.com";
const unsigned long periodMs = 60000;

FerruleClient client;

void setup() {
    Serial.begin(115200);
    while (!Ferrule.begin())
        Serial.println("No address yet. Is the cable in?");
    Serial.print("My address is ");
    Serial.println(Ferrule.localIP());
}

bool fetch(const char *path) {
    if (!client.connect(host, 80)) {
        Serial.print("Cannot connect: ");
        Serial.println(ferrule_error_text(client.error()));
        return false;
    }
    client.print(String("GET ") + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    // The server ends the connection after the page.
    unsigned long heard = millis();
    while (client.connected() && millis() - heard < 5000) {
        int c = client.read();
        if (c < 0) {
            delay(1);
            continue;
        }
        heard = millis();
        Serial.write(c);
    }
    client.stop();
    return true;
}

void loop() {
    if (fetch("/"))
        Serial.println("That was it.");
    delay(periodMs);
}
