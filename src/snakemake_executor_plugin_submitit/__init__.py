"""Executor plugin ``submitit`` for Snakemake: jobs as Slurm arrays, followed by files. See docs/slurm.md.

Snakemake looks the three names up in here; the worker, which imports ``pack`` only, must not load Snakemake with them.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


def __getattr__(name: str) -> Any:
    if name == "Executor":
        from snakemake_executor_plugin_submitit.executor import Executor

        return Executor
    if name == "ExecutorSettings":
        from snakemake_executor_plugin_submitit.settings import ExecutorSettings

        return ExecutorSettings
    if name == "common_settings":
        from snakemake_interface_executor_plugins.settings import CommonSettings

        return CommonSettings(
            non_local_exec=True,
            implies_no_shared_fs=False,
            job_deploy_sources=False,
            pass_default_storage_provider_args=True,
            pass_default_resources_args=True,
            pass_envvar_declarations_to_cmd=True,
            auto_deploy_default_storage_provider=False,
        )
    raise AttributeError(name)
