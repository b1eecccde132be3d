-- Why: each credential named all it succeeded, so that a line of rotations took the square of its length.
-- It names the first of its line and, in rotated_from, the one before it. Rows of before keep the whole
-- list, which their MAC covers and whose first word is the first of the line, until they are written again.

alter table credentials rename column predecessors to origin;
