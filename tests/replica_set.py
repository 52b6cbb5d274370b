"""A replica set of three real mongods, whose members tests may kill."""

import os
import secrets
import time
from pathlib import Path

from pymongo import MongoClient

from server.store.child import ended, started
from server.store.mongod import SET_NAME, arguments, executable, surroundings
from tests.processes import free_port, listens, wait_until

USER = "tongkang"


class ReplicaSet:
    """Three members on loopback that trust one another by a key, as docker/compose.yaml has them.

    Who the primary is gets noticed within seconds, not the usual ten.
    """

    def __init__(self, folder):
        self.secret = secrets.token_hex(32)
        self.folders = {free_port(): Path(folder) / f"member{number}" for number in (1, 2, 3)}
        self.members = {}

    @property
    def url(self):
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.folders)
        return f"mongodb://{USER}:{self.secret}@{hosts}/?replicaSet={SET_NAME}&authSource=admin"

    def start(self):
        for port, folder in self.folders.items():
            (folder / "data").mkdir(parents=True)
            descriptor = os.open(folder / "secret", os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(descriptor, self.secret.encode())
            os.close(descriptor)
            self.start_member(port)
        for port in self.folders:
            # On a busy machine one of them may take seconds, and they have to know each other.
            wait_until(lambda port=port: listens(port), seconds=60)
        first = next(iter(self.folders))
        with MongoClient("127.0.0.1", first, directConnection=True) as client:
            client.admin.command("replSetInitiate", self._configuration())
            wait_until(lambda: client.admin.command("hello")["isWritablePrimary"])
            client.admin.command("createUser", USER, pwd=self.secret, roles=["root"])
        return self

    def _configuration(self):
        members = [
            # The first is preferred, since the user is created through it.
            {"_id": number, "host": f"127.0.0.1:{port}", "priority": 1 if number else 2}
            for number, port in enumerate(self.folders)
        ]
        settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
        return {"_id": SET_NAME, "members": members, "settings": settings}

    def start_member(self, port):
        folder, program = self.folders[port], executable()
        command = [str(program), *arguments(folder, port)]
        command[command.index("--wiredTigerCacheSizeGB") + 1] = "0.25"
        self.members[port] = started(command, surroundings(program, folder), folder / "out")

    def primary(self):
        """Return the port of the member that is primary, once there is one."""
        with MongoClient(self.url, serverSelectionTimeoutMS=30_000) as client:
            client.admin.command("ping")
            while client.primary is None:
                time.sleep(0.05)
            return client.primary[1]

    def kill(self, port):
        """Kill one member at once, as a failing machine would."""
        self.members[port].kill()
        self.members[port].wait()

    def stop(self):
        for member in self.members.values():
            member.terminate()
        for member in self.members.values():
            ended(member, 30)
