"""Where in a resource an element is, and the resource with something else there.

A way is a tuple of keys and places: ``("name", 0, "text")``. Nothing here changes what it is given.
"""

from copy import deepcopy


def value_at(resource, way):
    """Return what stands at `way`, None if nothing does."""
    for step in way:
        try:
            resource = resource[step]
        except (KeyError, IndexError, TypeError):
            return None
    return resource


def with_value(resource, way, value):
    """Return `resource` with `value` at `way`."""
    made = deepcopy(resource)
    holder = value_at(made, way[:-1])
    holder[way[-1]] = deepcopy(value)
    return made


def without(resource, way):
    """Return `resource` without what is at `way`, and without the array that has become empty."""
    made = deepcopy(resource)
    holder = value_at(made, way[:-1])
    del holder[way[-1]]
    if isinstance(holder, dict):
        holder.pop(f"_{way[-1]}", None)
    elif not holder:
        return without(made, way[:-1])
    return made


def with_another(resource, way, value):
    """Return `resource` with `value` behind the last of the array at `way`."""
    return with_value(resource, way, [*(value_at(resource, way) or []), value])


def expression(resource, way):
    """Return `way` as FHIRPath: ``Patient.name[0].text``; ``_gender`` is called ``gender``."""
    parts = [resource["resourceType"]]
    for step in way:
        if isinstance(step, int):
            parts[-1] += f"[{step}]"
        else:
            parts.append(step.removeprefix("_"))
    return ".".join(parts)


class Snapshot:
    """The elements of a profile, and where in a resource they are."""

    def __init__(self, definition, elements):
        self.type = definition["type"]
        self.elements = {one["id"]: one for one in elements}

    def occurrences(self, resource, id):
        """Return the ways to what in `resource` is the element `id`, which may name slices."""
        ways, reached = [()], self.type
        for part in id.split(".")[1:]:
            reached += f".{part}"
            name, _, slice = part.partition(":")
            ways = [inner for way in ways for inner in self._steps(resource, way, name)]
            if slice:
                ways = [way for way in ways if self._is_in(resource, way, reached)]
        return ways

    def _steps(self, resource, way, name):
        holder = value_at(resource, way)
        if isinstance(holder, str | int | float):
            way = (*way[:-1], f"_{way[-1]}") if isinstance(way[-1], str) else way
            holder = value_at(resource, way)
        if not isinstance(holder, dict):
            return
        for key in self._keys(name, holder):
            value = holder[key]
            if isinstance(value, list):
                yield from ((*way, key, place) for place, one in enumerate(value) if one)
            else:
                yield (*way, key)

    @staticmethod
    def _keys(name, holder):
        if not name.endswith("[x]"):
            return [name] if name in holder else []
        stem = name.removesuffix("[x]")
        return [key for key in holder if key.startswith(stem) and key[len(stem) :][:1].isupper()]

    def _is_in(self, resource, way, id):
        """Tell whether what is at `way` has all that is fixed within the slice `id`."""
        told = list(self._fixed(id))
        return bool(told) and all(
            any(
                _has(resource, (*way, *rest), value)
                for rest in _choices(value_at(resource, way), parts)
            )
            for parts, value in told
        )

    def _fixed(self, id):
        profiles = [one for t in self.elements[id].get("type", ()) for one in t.get("profile", ())]
        if profiles:
            yield ("url",), profiles[0]
            return
        for other, element in self.elements.items():
            if not other.startswith(f"{id}."):
                continue
            parts = tuple(other[len(id) + 1 :].split("."))
            if len(parts) > 2 and parts[0] != "coding" and not parts[0].startswith("extension:"):
                continue
            value = fixed(element)
            if value is not None:
                yield parts, value


def fixed(element):
    """Return the value that `element` is fixed to or has as its pattern, None if there is none."""
    return next((v for k, v in element.items() if k.startswith(("fixed", "pattern"))), None)


def _choices(holder, parts):
    """Yield the ways from `holder` by `parts` of an element's id, whatever slices those name."""
    if not parts:
        yield ()
        return
    name = parts[0].partition(":")[0]
    stem = name.removesuffix("[x]")
    for key in holder if isinstance(holder, dict) else ():
        if key == name or (stem != name and key.startswith(stem) and key != stem):
            value = holder[key]
            for step in range(len(value)) if isinstance(value, list) else (None,):
                way = (key,) if step is None else (key, step)
                for rest in _choices(value_at(holder, way), parts[1:]):
                    yield (*way, *rest)


def _has(resource, way, wanted):
    return _contains(value_at(resource, way), wanted)


def _contains(value, wanted):
    match value, wanted:
        case dict(), dict():
            return all(key in value and _contains(value[key], wanted[key]) for key in wanted)
        case list(), list():
            return all(any(_contains(one, other) for one in value) for other in wanted)
    return value == wanted
