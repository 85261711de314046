//! Shape: what a call takes and gives, read off the types of its function.
//!
//! Each argument of a call knows from where it is read and how that is described, and so does its
//! answer. Whoever adds a parameter to the function has described it; there is no second place that
//! could say something else.
//!
//! Not here: which path a call is at, and what may go wrong in its flow (`operation`).

use protocol::problem::ProblemCode;
use schemars::{Schema, SchemaGenerator};

/// How a type is described.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a call takes and gives.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The segment of the path that is not the same for all.
    pub(super) segment: Option<SchemaOf>,
    /// An object with a property for each parameter of the query.
    pub(super) query: Option<SchemaOf>,
    /// The body of the request.
    pub(super) body: Option<SchemaOf>,
    /// Headers of the request that change what the call does.
    pub(super) headers: Vec<Header>,
    /// The answer, if it is a success.
    pub(super) answer: Answer,
    /// What may be wrong with any of it.
    pub(super) problems: Vec<ProblemCode>,
}

/// A header that need not be there.
#[derive(Debug)]
pub(super) struct Header {
    /// Its name.
    pub(super) name: &'static str,
    /// What it says.
    pub(super) about: &'static str,
    /// How its value looks.
    pub(super) schema: SchemaOf,
}

/// A success.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its status.
    pub(super) status: u16,
    /// Its media type.
    pub(super) kind: &'static str,
    /// Its body; none where it is text.
    pub(super) body: Option<SchemaOf>,
    /// Headers that tell more than HTTP needs.
    pub(super) headers: Vec<Header>,
}

impl Answer {
    /// Text of this media type.
    pub(super) fn text(kind: &'static str) -> Self {
        Self { status: 200, kind, body: None, headers: Vec::new() }
    }

    /// JSON of this form.
    pub(super) fn json(status: u16, body: SchemaOf) -> Self {
        Self { status, kind: "application/json", body: Some(body), headers: Vec::new() }
    }
}

/// An argument of a call.
pub(super) trait Takes {
    /// Tells what it takes.
    fn tell(shape: &mut Shape);
}

/// What a call returns.
pub(super) trait Gives {
    /// Tells what it gives.
    fn tell(shape: &mut Shape);
}

impl<G: Gives, E> Gives for Result<G, E> {
    fn tell(shape: &mut Shape) {
        G::tell(shape);
    }
}

impl Gives for &'static str {
    fn tell(shape: &mut Shape) {
        shape.answer = Answer::text("text/plain");
    }
}

/// A function whose arguments and answer tell their shape. `Arguments` is their tuple.
pub(super) trait Shaped<Arguments> {
    /// What it takes and gives.
    fn shape() -> Shape;
}

macro_rules! shaped {
    ($($Argument:ident)*) => {
        impl<Function, Returned, Answered, $($Argument,)*> Shaped<($($Argument,)*)> for Function
        where
            Function: FnOnce($($Argument),*) -> Returned,
            Returned: Future<Output = Answered>,
            Answered: Gives,
            $($Argument: Takes,)*
        {
            fn shape() -> Shape {
                let mut shape = Shape::default();
                $(<$Argument as Takes>::tell(&mut shape);)*
                <Answered as Gives>::tell(&mut shape);
                shape
            }
        }
    };
}

shaped! {}
shaped! { A }
shaped! { A B }
shaped! { A B C }
shaped! { A B C D }
shaped! { A B C D E }
