-- What was recorded and pruned. Rows are added and never changed.
create table entry (
    number integer primary key,
    hash blob not null check (length(hash) = 32),
    body text not null
) strict;
-- Content by its SHA-256. `size` is that of the content; `packed` says whether it is stored compressed by zstd.
create table part (
    digest blob not null unique check (length(digest) = 32),
    size integer not null check (size >= 0),
    packed integer not null check (packed in (0, 1)),
    bytes blob not null
) strict;
pragma application_id = 1801548665;
