"""Objects of every model type in one SQLite file, with OMERO's rules for who may do what.

store = Store.open(folder)
actor = store.actor("root")
with store.write(actor) as work:
    dataset = work.save(dataset)
with store.read(actor) as work:
    images = work.query("select i from Image i where i.name = :name", {"name": "a.tif"})
"""

from omero_embedded.hql.page import Page
from omero_embedded.store.actor import ALL_GROUPS, Actor
from omero_embedded.store.deletion import Deletion
from omero_embedded.store.moving import Change
from omero_embedded.store.store import Store
from omero_embedded.store.work import Work

__all__ = ["ALL_GROUPS", "Actor", "Change", "Deletion", "Page", "Store", "Work"]
