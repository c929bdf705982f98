"""A D-Bus service with the part of colord that the window uses. Arguments: a profile, the display that has it."""

from __future__ import annotations

import sys

from jeepney import HeaderFields, MessageType, new_error, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

_NAME, _PATH = "org.freedesktop.ColorManager", "/org/freedesktop/ColorManager"
_DEVICE, _PROFILE = f"{_PATH}/devices/one", f"{_PATH}/profiles/one"


def main() -> None:
    """Answer until the process is ended."""
    profile, screen = sys.argv[1:]
    devices = {screen: _DEVICE, "without": f"{_PATH}/devices/two"}
    properties = {
        (_DEVICE, f"{_NAME}.Device", "Profiles"): ("ao", [_PROFILE]),
        (devices["without"], f"{_NAME}.Device", "Profiles"): ("ao", []),
        (_PROFILE, f"{_NAME}.Profile", "Filename"): ("s", profile),
    }
    bus = open_dbus_connection("SYSTEM")
    bus.send_and_get_reply(message_bus.RequestName(_NAME))
    print("ready", flush=True)
    while True:
        message = bus.receive()
        fields = message.header.fields
        if message.header.message_type is not MessageType.method_call:
            continue
        key = (fields[HeaderFields.path], *message.body)
        if fields[HeaderFields.member] == "FindDeviceByProperty" and key[:2] == (_PATH, "XRANDR_name"):
            known = key[2] in devices
            reply = new_method_return(message, "o", (devices[key[2]],)) if known else None
        else:
            reply = new_method_return(message, "v", (properties[key],)) if key in properties else None
        bus.send(reply or new_error(message, f"{_NAME}.NotFound", "s", (f"nothing for {key}",)))


if __name__ == "__main__":
    main()
