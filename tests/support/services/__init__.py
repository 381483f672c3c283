"""The servers that headbox runs on in the distributed way, started by the tests themselves."""

from tests.support.services.postgres import PostgresServer
from tests.support.services.proxy import TcpProxy
from tests.support.services.redis import RedisServer

__all__ = ["PostgresServer", "RedisServer", "TcpProxy"]
