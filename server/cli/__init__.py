"""The command `tongkang`.

A sub-command is a module of this package with a click command of its own name, in which a
hyphen is an underscore; it is imported only when it is called, so that asking for help takes
no time.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import cast

import click

COMMANDS: Mapping[str, str] = {
    "serve": "Run the server; without a MongoDB URL, with a private MongoDB. / "
    "启动服务器；未设置 MongoDB 地址时使用自带的 MongoDB。",
    "settings": "Show the settings in force and what they mean. / 显示当前各项设置及其含义。",
    "account": "Open accounts of staff, or accounts to try out. / 新建工作人员账号或试用账号。",
    "clients": "List, approve and suspend apps and systems. / 列出、批准和暂停应用与信息系统。",
    "signing-keys": "Show the keys of id tokens, or begin a new one. / "
    "显示身份令牌的签名密钥，或启用新密钥。",
    "token": "Print an access token for trying out. / 打印一个供试用的访问令牌。",
    "jobs": "Do what callers do not wait for, or list it. / 执行或列出异步任务。",
    "demo": "Load a demo region of synthetic residents. / 载入由虚构居民组成的演示地区。",
    "demo-bundles": "Print the demo region as transaction Bundles. / "
    "以 transaction Bundle 形式输出演示地区。",
    "verify": "Prove that a database is in good order. / 核查并证明数据库完好。",
    "audit": "Verify, anchor or export the trail of who did what. / 核查、锚定或导出访问记录。",
    "reindex": "Index anew what is stored, beside a running server. / "
    "重建已存数据的索引，可与运行中的服务器同时进行。",
    "terminology": "Load code systems from files, list and remove them. / "
    "从文件载入、列出或移除代码系统。",
    "datasets": "List the national data sets, or show the elements of one. / "
    "列出国家数据集，或某一数据集的全部数据元。",
    "search-parameters": "Show own search parameters, and those that do not work. / "
    "列出自定义检索参数及无法使用的检索参数。",
}


class Commands(click.Group):
    """A group whose commands are the keys of COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click asks so
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click asks so
        cmd_name: str,
    ) -> click.Command | None:
        """Return the command, imported now, or None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        return cast("click.Command", getattr(import_module(f"{__name__}.{name}"), name))

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click asks so
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands)
@click.version_option(package_name="tongkang")
def main() -> None:
    """Tongkang 通康, a FHIR R4 interoperability server for population health.

    面向人口健康信息的 FHIR R4 互操作服务器。
    """
