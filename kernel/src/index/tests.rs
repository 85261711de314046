//! Names in a list, found by their index.

use super::*;

#[test]
fn each_of_many_is_found_at_its_place_until_it_is_removed() {
    let names: Vec<String> = (0..5000).map(|n| format!("name {n}")).collect();
    let mut index = Index::default();
    for (place, name) in (0..).zip(&names) {
        index.insert(name, place);
    }
    assert_eq!(index.len(), names.len());
    let find = |index: &Index, name: &String| index.find(name, |at| names[at as usize] == *name);
    for (place, name) in (0..).zip(&names) {
        assert_eq!(find(&index, name), Some(place));
        if place % 2 == 0 {
            index.remove(name, place);
            index.remove(name, place);
        }
    }
    for (place, name) in (0..).zip(&names) {
        assert_eq!(find(&index, name), (place % 2 == 1).then_some(place));
    }
    assert_eq!(find(&index, &"nobody".to_owned()), None);
}

#[test]
fn the_same_key_may_be_kept_at_several_places() {
    let mut index = Index::default();
    index.insert(&1, 7);
    index.insert(&1, 8);
    assert_eq!(index.find(&1, |at| at == 8), Some(8));
    index.remove(&1, 8);
    assert_eq!((index.find(&1, |at| at == 8), index.find(&1, |_| true)), (None, Some(7)));
}
