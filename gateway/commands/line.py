"""``lamplighter line``: the broker connection of a board that has only a serial line."""

from __future__ import annotations

from pathlib import Path

import click

from lamplighter.gateway.commands.common import broker_option, data_option, examples, run, where


@click.command(epilog=examples("line --port /dev/ttyACM0 --config lamplighter.json",
                               "line --port /dev/ttyUSB0 --baud 57600 --config meter.json --broker mqtt://broker:1883"))
@click.option("--port", required=True, help="The serial port that the board is on.")
@click.option("--baud", default=115_200, show_default=True, type=click.IntRange(300), help="Speed in bit/s.")
@click.option("--config", type=click.Path(path_type=Path), default=Path("lamplighter.json"), show_default=True,
              help="The file that was flashed to the board; its broker password follows from the key in it.")
@broker_option
@data_option
def line(port: str, baud: int, config: Path, broker: str, data: Path) -> None:
    """Connects a board without Wi-Fi to the broker, until Ctrl-C; waits when it is unplugged."""
    from lamplighter.gateway.adapters.mqtt import BrokerUrl
    from lamplighter.gateway.adapters.serial import Board, Bridge, LineError

    try:
        board = Board.read(config)
    except LineError as error:
        raise click.ClickException(str(error)) from None
    url, _ = where(broker, data, board.site)
    bridge = Bridge(port, baud, BrokerUrl.parse(url), board, lambda sentence: click.echo(sentence))
    run(bridge.run(), 0)
