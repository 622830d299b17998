"""The embedded OMERO server: for rehearsal, demonstrations and tests; no substitute for OMERO.

From the wire inwards (docs/embedded-server.md says what it does and what it does not):

    server, folder, certificate   put together, its folder and who owns that, its TLS key
    __main__, companion, users    the command line, a command run beside a server, users.yaml
    wire        plain objects with a Slice interface's methods become Ice servants
    sessions    router and ServiceFactory: logins, the clients in them, what each has open
    services    one class per interface of omero::api (IQuery, IAdmin, ThumbnailStore...)
    commands    omero.cmd requests (Delete2, Chgrp2...) and the handles they run under
    repository  the ManagedRepository: files, digests, beginning and verifying an import
    imports     what Bio-Formats reads of a verified fileset becomes images and plates
    pixels      planes, rendering settings, thumbnails
    store       model objects in SQLite: saving, loading, permissions, deletion, events
    hql         a grammar, its tree, the SQL made of it, the objects made of its rows
    model       OMERO's types as omero-py describes them, and its enumerations

wire, sessions, store, hql and model use none of the others.
"""
