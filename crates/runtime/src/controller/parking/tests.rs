//! The rules of the table and of the keeper.
