"""The HTTP functions of the app as the host learns of them; the SDK can be asked once in a process."""

from __future__ import annotations

from function_app import app

# Name and level by method and path.
INDEXED: dict[tuple[str, str], tuple[str, str]] = {
    (str(method), f"/api/{trigger.route}"): (function.get_function_name(), str(trigger.auth_level).lower())
    for function in app.get_functions()
    if (trigger := function.get_trigger()).type == "httpTrigger"
    for method in trigger.methods
}
