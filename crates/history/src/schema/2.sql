-- One hash over every byte of the file, and the version of SQLite that wrote it (bytes 96 to 99 of its header).
create table seal (
    only integer primary key check (only = 1),
    hash blob not null check (length(hash) = 32),
    writer integer not null
) strict;
insert into seal (only, hash, writer) values (1, zeroblob(32), 0);
