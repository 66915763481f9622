# /main.py of a board with Wi-Fi: joins the network, then starts the firmware in /lib/firmware.
import time

import network

NAME, PASSWORD = "street", "secret"

station = network.WLAN(network.STA_IF)
station.active(True)
station.connect(NAME, PASSWORD)
while not station.isconnected():
    time.sleep(0.2)

import firmware.main  # noqa: E402 - only now is there a network

firmware.main.main()
