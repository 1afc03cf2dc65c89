"""An optimizer of torch as that of a method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ._refusal import refuse

_HINT = "take torch.optim.Adam or SGD, or a method's `optimizer` with metapicture.visualize"


def settings_of(optimizer: Callable[[Any], Any] | None) -> dict[str, Any]:
    """The ``optimizer`` of a method for a function such as ``lambda params: torch.optim.Adam(params, lr=5e-2)``, and for None this one."""
    if optimizer is None:
        return {"adam": {"lr": 0.05}}
    if not callable(optimizer):
        refuse("optimizer is a function of the parameters", "write lambda params: torch.optim.Adam(params, lr=5e-2)", "optimizer")
    made = optimizer([torch.nn.Parameter(torch.zeros(1))])
    # AdamW is an Adam, and another rule.
    if type(made) not in (torch.optim.Adam, torch.optim.SGD):
        refuse(f"optimizer: {type(made).__name__} is not there", _HINT, "optimizer")
    group = made.param_groups[0]
    for name in ("amsgrad", "maximize", "decoupled_weight_decay"):
        if group.get(name):
            refuse(f"optimizer: {name} is not there", _HINT, "optimizer")
    found = {"lr": float(group["lr"]), "weight_decay": float(group["weight_decay"])}
    if isinstance(made, torch.optim.SGD):
        found["momentum"], found["dampening"] = float(group["momentum"]), float(group["dampening"])
        return {"sgd": {**found, "nesterov": bool(group["nesterov"])}}
    if group["eps"] != 1e-8:
        refuse(f"optimizer: Adam's eps is {group['eps']}", "it is 1e-8 here", "optimizer")
    found["beta1"], found["beta2"] = (float(beta) for beta in group["betas"])
    return {"adam": found}
