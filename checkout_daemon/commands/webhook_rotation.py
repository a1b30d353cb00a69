"""`checkout webhook rotate`: says where a rotation stands, and does what is due."""

from __future__ import annotations

from checkout_daemon.commands.output import answer, confirm, print_json, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.commands.times import clock
from checkout_daemon.commands.webhook import address, endpoint_object, tell_secret
from checkout_daemon.dev.endpoint import remember_instead
from checkout_daemon.domain.webhook_secrets import fingerprint
from checkout_daemon.runtime import Runtime
from checkout_daemon.services import webhook_rotation
from checkout_daemon.services.listen_secret import NAME, make_forgotten
from checkout_daemon.services.webhook_endpoints import Made
from checkout_daemon.services.webhook_rotation import Rotated, Rotation, Stage
from checkout_daemon.settings import Settings


def rotate(url: str | None, *, yes: bool, as_json: bool) -> int:
    async def work(runtime: Runtime) -> tuple[Rotated, Settings]:
        wanted = address(runtime.settings, url)
        rotation = await webhook_rotation.stand(runtime, wanted)
        if question := _question(rotation):
            confirm(question, yes=yes)
        return await webhook_rotation.rotate(runtime, wanted, rotation), runtime.settings

    done, settings = with_runtime(work)
    rotation = done.rotation
    if done.secret is not None and rotation.new is not None:
        # A demo that starts anew keeps the endpoint that it remembers and deletes the others of its URL.
        remember_instead(settings.state_dir, [each.id for each in rotation.old], rotation.new.id, done.secret)
        tell_secret(settings, Made(rotation.new, done.secret), _standing(done), as_json=as_json)
    elif as_json:
        print_json((endpoint_object(rotation.new) if rotation.new else {}) | _standing(done))
    else:
        answer(_sentence(done, settings))
    if done.gone:
        _forget(settings, done)
    elif rotation.stage is Stage.WAITING:
        if done.secret is None:
            _say_unknown(settings, rotation)
        say("Run `checkout webhook rotate` again when an event of Stripe's has come.")
    return 0


def _question(rotation: Rotation) -> str | None:
    ids = ", ".join(each.id for each in rotation.old)
    match rotation.stage:
        case Stage.NONE:
            return f"Make a new endpoint with a new secret beside {ids}?"
        case Stage.PROVED:
            return f"Disable {ids}? The new secret is in use."
        case Stage.QUIET:
            return f"Delete {ids}? Nothing came for 24 h that its secret signed."
        case Stage.WAITING | Stage.DRAINING:
            return None


def _standing(done: Rotated) -> dict[str, object]:
    rotation = done.rotation
    stage = "done" if done.gone else rotation.stage.value
    old = [each.id for each in rotation.old]
    return {
        "stage": stage,
        "old": old,
        "old_may_go_at": rotation.old_may_go_at,
        "deleted": [each.id for each in done.gone],
    }


def _sentence(done: Rotated, settings: Settings) -> str:
    rotation = done.rotation
    old = ", ".join(each.id for each in done.gone or rotation.old)
    if done.gone:
        return f"{old} is deleted: the rotation is over"
    new = rotation.new.id if rotation.new else ""
    if rotation.stage is Stage.WAITING:
        return f"{new} has delivered nothing yet:\n{old} stays until it has"
    may_go_at = clock(rotation.old_may_go_at, settings.time_zone)
    return (
        f"{new} is in use, {old} is disabled;\nit may go at {may_go_at}, if nothing more comes that its secret signed"
    )


def _say_unknown(settings: Settings, rotation: Rotation) -> None:
    known = {fingerprint(each) for each in settings.webhook_secrets}
    secret = rotation.new.secret if rotation.new else None
    if secret not in known:
        say(f"Have the daemon know both: {NAME}=<the old one>,<the new one>,\nand start it again.")


def _forget(settings: Settings, done: Rotated) -> None:
    names = {each.secret for each in done.gone}
    old = [each for each in settings.webhook_secrets if fingerprint(each) in names]
    if not old:
        say(f"Take its secret out of {NAME}.")
        return
    forgotten = [make_forgotten(settings, each) for each in old]
    if not all(forgotten):
        say(f"Take its secret out of {NAME}; it is number {settings.webhook_secrets.index(old[0]) + 1} there.")
