// A console on port 23 for several visitors at a time: telnet ADDRESS, or nc ADDRESS 23

#include <FerruleEthernet.h>

const int ledPin = LED_BUILTIN;

struct Visitor {
    FerruleClient client;
    char line[64];
    size_t length;
};

FerruleServer server(23);
Visitor visitors[4];

void setup() {
    Serial.begin(115200);
    pinMode(ledPin, OUTPUT);
    while (!Ferrule.begin())
        Serial.println("No address yet. Is the cable in?");
    server.begin();
    Serial.print("Console on ");
    Serial.println(Ferrule.localIP());
}

void welcome(FerruleClient client) {
    for (Visitor &visitor : visitors) {
        if (visitor.client)
            continue;
        visitor.client = client;
        visitor.length = 0;
        client.print("Hello. Commands: led on, led off, status, quit\r\n> ");
        return;
    }
    client.print("All places are taken.\r\n");
    client.stop();
}

void obey(FerruleClient &client, const char *command) {
    if (strcmp(command, "led on") == 0) {
        digitalWrite(ledPin, HIGH);
    } else if (strcmp(command, "led off") == 0) {
        digitalWrite(ledPin, LOW);
    } else if (strcmp(command, "status") == 0) {
        client.print("up for ");
        client.print(millis() / 1000);
        client.print(digitalRead(ledPin) ? " s, led on, you are " : " s, led off, you are ");
        client.print(client.remoteIP());
        client.print("\r\n");
    } else if (strcmp(command, "quit") == 0) {
        client.print("Bye.\r\n");
        client.stop();
    } else if (command[0] != '\0') {
        client.print("What?\r\n");
    }
    if (client)
        client.print("> ");
}

void listenTo(Visitor &visitor) {
    while (visitor.client.available() > 0) {
        int c = visitor.client.read();
        if (c == '\n') {
            visitor.line[visitor.length] = '\0';
            visitor.length = 0;
            obey(visitor.client, visitor.line);
        } else if (c >= ' ' && c < 127 && visitor.length < sizeof visitor.line - 1) {
            visitor.line[visitor.length++] = c; // telnet's own bytes are above 127
        }
    }
    if (visitor.client && !visitor.client.connected())
        visitor.client.stop();
}

void loop() {
    FerruleClient client = server.accept(); // also those that have said nothing yet
    if (client)
        welcome(client);
    for (Visitor &visitor : visitors)
        listenTo(visitor);
    delay(1);
}
