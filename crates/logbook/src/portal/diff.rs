//! The difference of two texts by lines: longest common subsequence after equal ends are cut.

/// One line of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// In both; the index in the new text.
    Same(usize),
    /// Only in the old text; its index there.
    Removed(usize),
    /// Only in the new text; its index there.
    Added(usize),
    /// This many equal lines are left out.
    Folded(usize),
}

/// Cells of the table beyond which the middle is shown as replaced altogether: 4 million take about 10 ms.
const MAX_CELLS: usize = 4_000_000;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// What was removed and added between `old` and `new`, with a few lines around each change.
pub(crate) fn compare(old: &[String], new: &[String]) -> Vec<Change> {
    fold(&full(old, new))
}

fn full(old: &[String], new: &[String]) -> Vec<Change> {
    let start = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end =
        old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - end], &new_rest[..new_rest.len() - end]);
    let mut changes: Vec<Change> = (0..start).map(Change::Same).collect();
    if old_middle.len() * new_middle.len() > MAX_CELLS {
        changes.extend((0..old_middle.len()).map(|index| Change::Removed(start + index)));
        changes.extend((0..new_middle.len()).map(|index| Change::Added(start + index)));
    } else {
        middle(old_middle, new_middle, start, &mut changes);
    }
    changes.extend((new.len() - end..new.len()).map(Change::Same));
    changes
}

fn middle(old: &[String], new: &[String], start: usize, changes: &mut Vec<Change>) {
    let width = new.len() + 1;
    // common[i * width + j]: length of the longest common subsequence of old[i..] and new[j..].
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for row in (0..old.len()).rev() {
        for column in (0..new.len()).rev() {
            common[row * width + column] = if old[row] == new[column] {
                common[(row + 1) * width + column + 1] + 1
            } else {
                common[(row + 1) * width + column].max(common[row * width + column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < old.len() || column < new.len() {
        if row < old.len() && column < new.len() && old[row] == new[column] {
            changes.push(Change::Same(start + column));
            (row, column) = (row + 1, column + 1);
        } else if column == new.len()
            || (row < old.len() && common[(row + 1) * width + column] >= common[row * width + column + 1])
        {
            changes.push(Change::Removed(start + row));
            row += 1;
        } else {
            changes.push(Change::Added(start + column));
            column += 1;
        }
    }
}

fn fold(changes: &[Change]) -> Vec<Change> {
    let is_near = |index: usize| {
        let from = index.saturating_sub(CONTEXT);
        let to = (index + CONTEXT + 1).min(changes.len());
        changes[from..to].iter().any(|change| !matches!(change, Change::Same(_)))
    };
    let mut folded = Vec::new();
    let mut hidden = 0;
    for (index, change) in changes.iter().enumerate() {
        if is_near(index) {
            if hidden > 0 {
                folded.push(Change::Folded(hidden));
                hidden = 0;
            }
            folded.push(*change);
        } else {
            hidden += 1;
        }
    }
    if hidden > 0 {
        folded.push(Change::Folded(hidden));
    }
    folded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(lines: &str) -> Vec<String> {
        lines.chars().map(String::from).collect()
    }

    #[test]
    fn changes_are_shown_with_their_surroundings() {
        let changes = compare(&text("abcdefghijX"), &text("abcdefghijYZ"));
        let expected = [
            Change::Folded(7),
            Change::Same(7),
            Change::Same(8),
            Change::Same(9),
            Change::Removed(10),
            Change::Added(10),
            Change::Added(11),
        ];
        assert_eq!(changes, expected);
        assert_eq!(compare(&text("abc"), &text("abc")), [Change::Folded(3)]);
    }

    proptest! {
        #[test]
        fn a_comparison_rebuilds_both_texts(old in "[abc]{0,14}", new in "[abc]{0,14}") {
            let (old, new) = (text(&old), text(&new));
            let changes = full(&old, &new);
            let kept = |change: &Change| match change {
                Change::Same(index) | Change::Added(index) => Some(new[*index].clone()),
                _ => None,
            };
            prop_assert_eq!(changes.iter().filter_map(kept).collect::<Vec<_>>(), new.clone());
            let before = |change: &Change| match change {
                Change::Same(index) => Some(new[*index].clone()),
                Change::Removed(index) => Some(old[*index].clone()),
                _ => None,
            };
            prop_assert_eq!(changes.iter().filter_map(before).collect::<Vec<_>>(), old);
        }
    }
}
