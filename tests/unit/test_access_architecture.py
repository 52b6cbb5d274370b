"""No other way to the data: every query of resources carries what its caller may see.

The source is read, not run. Who may do what with which part of it stands in the lists below, each
with its reason; whoever adds a way to the data has to add a line here, and somebody has to agree.
"""

import ast
from functools import cache
from pathlib import Path

SERVER = Path(__file__).resolve().parents[2] / "server"
STORE = SERVER / "store"
READS = {"find", "find_one", "aggregate", "count_documents", "distinct", "watch",
         "estimated_document_count", "find_raw_batches", "aggregate_raw_batches"}  # fmt: skip
WRITES = {"insert_one", "insert_many", "update_one", "update_many", "replace_one", "delete_one",
          "delete_many", "bulk_write", "find_one_and_update", "find_one_and_replace",
          "find_one_and_delete"}  # fmt: skip
QUERIES = READS | WRITES
BOUNDS = {"_bounds", "bounds", "visibility", "_visibility"}
"""Whatever comes from one of these carries what the caller may see."""
NOT_RESOURCES = {
    "shelf": "records that are not FHIR's",
    "jobs": "which types are indexed anew",
    "writers": "which processes write",
    "queue": "what is to be done later, and how far it is",
    "parts": "what jobs need and have made, encrypted; whose it is was asked before",
    "marks": "which parts of a job are done",
    "concepts": "codes and what they are called",
    "tallies": "numbers of what institutions send, of which reports are made",
    "loads": "which code systems are loaded",
    "trail": "the trail's own lanes and events, written for nobody and read by verification",
}
"""Modules of the store whose collections hold no resources that callers ask for."""
REVIEWED = {
    "tail.Tail._put_back": "compares the seals of what the trail itself has put there",
    "tail.begun.attempt": "the heads of lanes, and the record that a lane begins with",
    "database.Store.secret": "the key of cursors",
    "engine.Engine.claim": "the claims of conditional writers",
    "belonging.Belonging._mark": "takes a record along with its patient, or shuts it with them",
    "belonging.Belonging._read": "where patients live, for what is stored about them",
    "belonging.Belonging.keep": "what a patient keeps from others, as they say themselves",
    "engine.Engine._insert_many": "inserts only; the bounds were asked before",
    "engine.Engine.insert": "inserts only; the bounds were asked before",
    "engine._named": "asks for what is seen, or in what is returned whether it is",
    "parameters.Parameters.changed": "SearchParameters, which all searches go by",
    "definitions": "CodeSystems, ValueSets and ConceptMaps, which tell of nobody and all go by",
    "stored_profiles.StoredProfiles._look": "whether a profile was stored",
    "stored_profiles.StoredProfiles._stored": "profiles, which all writes are checked against",
    "stored_profiles.StoredProfiles.find": "finds in memory; what it needs, _stored reads",
    "succession.Succession.bury.bury": "`where` is bounded by _supersede",
    "succession.Succession._replacing.put": "`where` is bounded by _supersede",
    "resources.Resources.create_unless_found.attempt": "inserts what require_within let pass",
    "transactions.Transaction.claim": "the claims of conditional writers",
    "transactions.Transaction._matching": "`wheres` are all of Bounds.where",
    "transactions.Transaction._write": "over what `versions` has read within the bounds",
    "transactions.Transaction._insert": "inserts what require_within let pass",
    "history.History._merged": "pipelines come bounded from _streams",
    "pages._Run.rows": "`where` comes bounded from Pages",
    "moments.is_superseded": "whether a moment can still be told; nothing of it is shown",
    "counting": "`where` comes bounded from Resources; the size of a collection scales a sample",
    "terms.found": "`where` comes bounded from Resources",
    "reindexing": "indexes anew all that is stored, for nobody",
    "verification": "`tongkang verify`, for who runs the server",
    "inspection": "`tongkang audit verify`, for who runs the server",
    "epochs": "the number that tells of withdrawn rights",
    "doubt": "whether the trail has what it may have been told already",
    "sheaves": "reads that the trail keeps together, for nobody until they have records",
    "sheaf_counts": "such reads, by a condition that `resources` has bounded for the caller",
    "sheaf_lines": "such a condition asked of entries that are in no collection",
    "sheaf_inspection": "`tongkang audit verify`, for who runs the server",
    "replica": "the set's own configuration",
}
HOLDERS = {
    "services.py": "puts the parts of the store together",
    "cli/reindex.py": "names of types, for who runs the server",
    "cli/verify.py": "`tongkang verify`, for who runs the server",
}
CONTEXTS = {
    "api/fhir.py": "the caller's token decides",
    "jobs/running.py": "the rights of a job, as they are when it runs",
    "jobs/desk.py": "the rights of a job, as they are when its result is given",
    "cli/demo.py": "writes the demo region",
    "cli/terminology.py": "writes code systems, for who runs the server",
    "cli/writers.py": "writes rows of a file, for who runs the server",
    "portal/desk.py": "the session decides",
    "interactions/platform.py": "finds whom a record is about, and stores what it comes to",
    "identity/publishing.py": "stores what comes with the server, by an access of its own",
    "identity/guardians.py": "whom the record of a child names as guardian",
    "identity/known.py": "what in a record is no secret, and where one lives; nothing is told",
    "identity/limits.py": "what was once decided, within limits",
    "identity/real_name.py": "finds the Patient whose number, name and birth date are all known",
    "auth/consents.py": "a consent as a FHIR Consent",
    "auth/launching.py": "whom a launch is about, as whoever launches may see them",
}
OPENERS = {
    "access/policy.py": "where it is",
    "app.py": "a server that asks nobody, which production refuses to be",
    "cli/demo.py": "writes the demo region",
    "cli/terminology.py": "writes code systems, for who runs the server",
    "cli/writers.py": "writes rows of a file, for who runs the server",
    "jobs/rights.py": "a server that asks nobody, which production refuses to be",
}


@cache
def tree(path):
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes(path):
    return tuple(ast.walk(tree(path)))


def modules(folder=SERVER):
    return sorted(folder.rglob("*.py"))


def name(path):
    return path.relative_to(SERVER).as_posix()


def called(node):
    """Return the last name of what a call calls."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def functions(node, path=()):
    """Yield (dotted name, function) for all functions in `node`, those within others too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            here = (*path, child.name)
            if isinstance(child, ast.FunctionDef):
                yield ".".join(here), child
            yield from functions(child, here)
        else:
            yield from functions(child, path)


def own_nodes(function):
    """Yield the nodes of a function, but not those of functions within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, ast.FunctionDef):
            yield child
            yield from own_nodes(child)


def is_bounded(node, known):
    """Tell whether an expression has a part that carries bounds."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and each.attr in BOUNDS:
            return True
        if isinstance(each, ast.Name) and each.id in known | BOUNDS:
            return True
        if isinstance(each, ast.Call) and ast.unparse(each.func) == "self.where":
            return True
    return False


def bounded_names(function):
    """Return the local names whose values carry bounds."""
    known, before = set(), -1
    while before != len(known):
        before = len(known)
        for node in own_nodes(function):
            value = getattr(node, "value", None)
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            is_named = isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
            if is_named and value is not None and is_bounded(value, known):
                names = (ast.walk(target) for target in targets)
                known |= {one.id for some in names for one in some if isinstance(one, ast.Name)}
    return known


@cache
def unbounded():
    """Return ``module.function`` of each query of the store whose condition carries no bounds."""
    found = set()
    for path in modules(STORE):
        if path.stem in NOT_RESOURCES:
            continue
        for where, function in functions(tree(path)):
            known = bounded_names(function)
            for node in own_nodes(function):
                if not isinstance(node, ast.Call) or called(node) not in QUERIES:
                    continue
                if ast.unparse(node.func).startswith("self.f"):
                    continue  # a method of the store's own
                if not any(is_bounded(each, known) for each in node.args[:1]):
                    found.add(f"{path.stem}.{where}")
    return found


def users(*names):
    """Return the modules that use one of `names`, apart from importing it."""
    return {
        name(path)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Name) and node.id in names
    }


def test_only_the_store_has_collections_in_its_hands():
    held = {
        (name(path), node.attr)
        for path in modules()
        if not path.is_relative_to(STORE)
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in ("collections", "engine")
    }
    assert {path for path, _ in held} <= HOLDERS.keys()


def test_nothing_outside_the_store_queries_the_database():
    asked = {
        (name(path), called(node))
        for path in modules()
        if not path.is_relative_to(STORE)
        for node in nodes(path)
        if isinstance(node, ast.Call) and called(node) in QUERIES - {"find"}
    }
    assert asked == set()


def test_a_query_carries_what_its_caller_may_see_or_is_reviewed():
    found = unbounded()
    strange = {one for one in found if one not in REVIEWED and one.split(".")[0] not in REVIEWED}
    assert strange == set()
    assert {one for one in REVIEWED if "." in one} - found == set(), "no longer there"


def test_the_queries_that_were_looked_at_are_seen_by_this_test():
    """It would pass just as well if it saw nothing."""
    found = unbounded()
    for reviewed in ("belonging.Belonging._mark", "succession.Succession.bury.bury"):
        assert reviewed in found
    bounded = ast.parse("def f(self):\n  w = self._bounds.where(t)\n  c.find(w)").body[0]
    assert bounded_names(bounded) == {"w"}
    loose = ast.parse("def f(self, w):\n  v = w\n  c.find(v)").body[0]
    assert bounded_names(loose) == set()


def test_a_context_is_made_by_few():
    made = {
        name(path)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Context.of"
    }
    assert made <= CONTEXTS.keys()


def test_views_of_the_store_are_made_by_the_context_alone():
    made = {
        name(path)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("resources", "history")
        and ast.unparse(node.func.value).rpartition(".")[2] == "store"
    }
    built = {
        name(path)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Call) and called(node) in ("Resources", "History", "Bounds")
    }
    assert made == {"context.py"}
    assert built <= {"store/database.py", "store/resources.py", "store/history.py"}


def test_all_is_open_to_few():
    assert users("OPEN") <= OPENERS.keys()
    seen = {one for one in users("EVERYTHING") if not one.startswith("search/")}
    assert seen <= {"access/policy.py", "access/visibility.py"}


def test_what_may_be_seen_is_decided_in_one_place():
    made = {
        name(path)
        for path in modules()
        for node in nodes(path)
        if isinstance(node, ast.Call) and called(node) in ("Visibility", "Access")
    }
    assert made == {"access/policy.py", "access/visibility.py", "search/visible.py"}
